"""Which runs belong to which study."""

from __future__ import annotations

import json
from pathlib import Path

from ..errors import UserError
from ..study.run_name import run_name
from ..study.study_book import BOOK_FILE
from ..study.study_request import STUDY_FILE, StudyRequest


def study_runs(study: Path) -> list[str]:
    """The names of the runs of the study in the folder ``study``: those that it asks for, whether they have
    begun or not, and those that it has noted.

    Raises:
        UserError: What the study asks for cannot be read.
    """
    request = StudyRequest.read(study / STUDY_FILE)
    asked = [
        run_name(study.name, request, method, stream, pair)
        for stream in request.streams or (None,)
        for method in request.methods
        for pair in (None, *range(1, request.pairs + 1))
    ]
    return list(dict.fromkeys([*asked, *_noted(study)]))


def studies_of(runs: Path) -> dict[str, str]:
    """The name of each run that belongs to a study in ``runs`` -> the study's name.

    Of a study that cannot be read all runs are taken whose names begin with its own.
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


def _noted(study: Path) -> list[str]:
    try:
        parts = json.loads((study / BOOK_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    if isinstance(parts, dict) and isinstance(parts.get("parts"), dict):
        parts = parts["parts"]  # before format 2 these were the file
    return [str(name) for name in parts] if isinstance(parts, dict) else []
