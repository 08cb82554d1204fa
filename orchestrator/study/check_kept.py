"""Checks that a study's runs on disk are those that it asks for now."""

from __future__ import annotations

from ..errors import UserError
from ..storage.run_files import STUDY_FILE, TRAIN_FILE
from .own_run import own_run
from .reference import is_reference
from .runs_now import runs_now
from .search_job import SearchJob
from .study import Study
from .study_book import Part, StudyBook

_AS_IT_WAS = f"{STUDY_FILE} and the search spaces as they were, or a study of another name"


def check_kept(study: Study, book: StudyBook) -> None:
    """Checks the runs that an earlier command of a study left, before a later one goes on.

    A run that has ended must have been asked for what the study asks for now. Otherwise a file that was
    changed by hand would put old figures under a new heading. The name of a run that has not ended must be
    free, or its folder must be the study's own.

    Args:
        study: The study with its present request.
        book: Its runs that have ended.

    Raises:
        UserError: A run is another one. The message is one line.
    """
    now = {run.name: run for run in runs_now(study, book)}
    for name, part in book.parts.items():
        if name not in now and name not in study.names and not _left(name, part, study):
            raise UserError(
                f"{book.path}: has {name}, which the study does not ask for any more; allowed: {_AS_IT_WAS}"
            )
        if name in now and (asked := now[name].asked) is not None:
            asked.check(part.asked, f"{book.path}: {name}", _AS_IT_WAS)
    for run in now.values():
        if run.done is not None:
            continue
        if run.pair is None:
            SearchJob(run.name, run.arm).begun()
        elif own_run(run.name, TRAIN_FILE) is not None and run.chosen is not None and run.asked is not None:
            run.job().begun()


def _left(name: str, part: Part, study: Study) -> bool:
    """Whether a run is a reference, which belongs to no study alone; or with a pair of the study, of what a
    search of it chose when it had other trials.
    """
    if is_reference(part.asked):
        return True
    every = (*study.numbers, *study.beyond)
    chosen = Part("", part.asked, trial=str(part.asked.values.get("trial")), first="another")
    return any(name == study.pair_name(arm, n, chosen) for arm in study.arms for n in every)
