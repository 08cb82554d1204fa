"""Whether what a study has on disk is what it asks for now."""

from __future__ import annotations

from collections.abc import Iterator

from ..errors import UserError
from ..storage.run_files import TRAIN_FILE
from .asked import Asked
from .own_run import own_run
from .pair_job import PairJob
from .search_job import SearchJob
from .study import Study
from .study_book import StudyBook
from .study_request import STUDY_FILE

_AS_IT_WAS = f"{STUDY_FILE} and the search spaces as they were, or a study of another name"


def check_kept(study: Study, book: StudyBook) -> None:
    """Checks the runs that an earlier command of a study left, before a later one goes on.

    A run that has ended was asked for what the study asks for now: a file that was changed by hand gives no
    old figures a new heading. Of a run that has not, the name is free, or its folder is the study's own.

    Args:
        study: The study, as it is asked for now.
        book: Its runs that have ended.

    Raises:
        UserError: One is something else. The message is one line.
    """
    asked = dict(_asked(study, book))
    names = study.names
    for name, part in book.parts.items():
        if name not in names:
            raise UserError(
                f"{book.path}: has {name}, which the study does not ask for any more; allowed: {_AS_IT_WAS}"
            )
        if name in asked:
            asked[name].check(part.asked, f"{book.path}: {name}", _AS_IT_WAS)
    for arm in study.arms:
        if book.done(study.name_of(arm)) is None:
            SearchJob(study.name_of(arm), arm).begun()
        chosen = book.done(study.name_of(arm))
        for number in study.numbers:
            name = study.name_of(arm, number)
            if book.done(name) is None and own_run(name, TRAIN_FILE) is not None and chosen is not None:
                PairJob(name, arm, number, chosen).begun()


def _asked(study: Study, book: StudyBook) -> Iterator[tuple[str, Asked]]:
    """What each run is asked for now. A pair's run is asked for nothing before its search has chosen."""
    for arm in study.arms:
        yield study.name_of(arm), SearchJob(study.name_of(arm), arm).asked
        if (chosen := book.done(study.name_of(arm))) is not None:
            for number in study.numbers:
                yield study.name_of(arm, number), PairJob.asked_of(number, chosen)
