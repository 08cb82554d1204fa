"""Finds the runs that belong to a study."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..storage.extreme_name import EXTREMES
from ..storage.reference_name import reference_kind
from ..storage.run_files import BOOK_FILE, STUDY_FILE
from ..study.arm import Arm
from ..study.choose import choose
from ..study.found_orders import OrderStore
from ..study.run_name import run_name
from ..study.study_book import Part, StudyBook
from ..study.study_request import StudyRequest

_BEGUN = re.compile(r"(-trial_\d+)?-(?:pair(\d+)|(?:worst|best)-order)")


def study_runs(study: Path) -> list[str]:
    """The names of the runs of the study in the folder ``study``. They are the runs that it asks for, whether
    they have begun or not, the runs of a search's later choice, and the runs that it has noted. Reference
    runs, which other studies share, are none of them.

    Raises:
        UserError: The study's request cannot be read.
    """
    request = StudyRequest.read(study / STUDY_FILE)
    names, pairs = runs_asked_for(study), range(1, request.pairs + 1)
    begun: list[str] = []
    for search in (name for name, pair in names.items() if pair is None):
        there = (folder.name for folder in study.parent.glob(f"{search}-*"))
        found = {name: _BEGUN.fullmatch(name[len(search) :]) for name in there}
        begun += [name for name, m in found.items() if m and (m[2] is None or int(m[2]) in pairs)]
    return list(dict.fromkeys([*names, *begun, *_noted(study)]))


def runs_asked_for(study: Path) -> dict[str, int | str | None]:
    """The runs that the study in the folder ``study`` asks for, by what its searches have chosen so far. They
    are name -> the pair's number or the name of an extreme order, or None for a search.

    Raises:
        UserError: The study's request cannot be read.
    """
    request, parts = StudyRequest.read(study / STUDY_FILE), _parts(study)
    asked: dict[str, int | str | None] = {}
    orders = OrderStore(study).found if request.orders else {}
    for stream in request.streams or (None,):
        for method in request.methods:
            search = run_name(study.name, request, method, stream, None)
            asked[search] = None
            for n in range(1, request.pairs + 1):
                for later in _later(parts.get(search)):
                    asked[run_name(study.name, request, method, stream, n, later)] = n
            one = next(iter(orders.values())) if stream is None and orders else None
            found = one if stream is None else orders.get(stream.label)
            for which in EXTREMES if request.orders and not (found and found.reason) else ():
                later = _chosen_later(study, request, method, stream, parts.get(search))
                asked[run_name(study.name, request, method, stream, which, later)] = which
    return asked


def untested_runs(study: Path) -> set[str]:
    """The runs of the study in the folder ``study`` that have walked their streams and whose look at test
    data is still to come, since they are those of the best of several trials. A study of one trial a search
    has none: its runs are tested as they end.

    Raises:
        UserError: The study's request or its book cannot be read.
    """
    request, book = StudyRequest.read(study / STUDY_FILE), StudyBook(study)
    found: set[str] = set()
    for stream in request.streams or (None,) if request.best > 1 else ():
        for method in request.methods:
            names = partial(_names, study, request, method, stream)
            search = book.done(run_name(study.name, request, method, stream, None))
            chosen = choose(search, request.best, partial(_runs, book, names))
            mine = [] if chosen is None else names(chosen)
            found |= {name for name in mine if (part := book.done(name)) is not None and not part.test}
    return found


def _names(study: Path, request: StudyRequest, method: Arm, stream: Arm | None, one: Part) -> list[str]:
    """The runs with every pair of what a search has chosen."""
    pairs = range(1, request.pairs + 1)
    return [run_name(study.name, request, method, stream, n, one.later) for n in pairs]


def _runs(book: StudyBook, names: Callable[[Part], list[str]], one: Part) -> list[Part | None]:
    return [book.parts.get(name) for name in names(one)]


def _chosen_later(study: Path, request: StudyRequest, method: Arm, stream: Arm | None, noted: Any) -> str:
    """As :func:`_later`, of the trial that is tested."""
    if request.best == 1:
        return _later(noted)[0]
    book, names = StudyBook(study), partial(_names, study, request, method, stream)
    search = book.done(run_name(study.name, request, method, stream, None))
    chosen = choose(search, request.best, partial(_runs, book, names))
    return "" if chosen is None else chosen.later


def studies_of(runs: Path) -> dict[str, str]:
    """The name of each run that belongs to a study in ``runs`` -> the study's name.

    Where a study cannot be read, all runs whose names begin with the study's name count as its runs.
    """
    found: dict[str, str] = {}
    for file in sorted(runs.glob(f"*/{STUDY_FILE}")):
        study = file.parent
        try:
            names = study_runs(study)
        except UserError:
            names = [*_noted(study), *(path.name for path in runs.glob(f"{study.name}-*"))]
        found.update(dict.fromkeys(names, study.name))
    return found


def _later(search: Any) -> list[str]:
    """Of each trial of a search that is run with every pair, as a study noted it: its id where the search
    chose another one at first, else an empty text.
    """
    if not isinstance(search, dict):
        return [""]
    first, few = search.get("first"), search.get("candidates") or [{"trial": search.get("trial")}]
    trials = [one.get("trial") for one in few]
    return [str(trial) if first and trial and first != trial else "" for trial in trials]


def _noted(study: Path) -> list[str]:
    """The study's own runs that it has noted."""
    return [name for name in map(str, _parts(study)) if not reference_kind(name)]


def _parts(study: Path) -> dict[str, Any]:
    try:
        parts = json.loads((study / BOOK_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if isinstance(parts, dict) and isinstance(parts.get("parts"), dict):
        parts = parts["parts"]  # before format 2 these were the file
    return parts if isinstance(parts, dict) else {}
