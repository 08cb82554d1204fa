"""Lists the runs that a study asks for, by what its searches have chosen so far."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..storage.run_folder import RUNS
from .pair_job import PairJob
from .reference import Reference
from .run_request import RunRequest
from .search_job import SearchJob
from .study import Study
from .study_arm import StudyArm
from .study_book import Part, StudyBook


@dataclass(frozen=True)
class RunNow:
    """A run that a study asks for.

    Attributes:
        name: Its name.
        arm: Its method on its stream.
        pair: The pair's number; None: it is the search.
        asked: The run's request; None for a pair whose search has chosen nothing yet.
        done: The run's part of the book, where it has ended without failing and had this request; else None.
            A reference whose folder is gone is not done.
        chosen: The search whose choice a pair has; None: it has chosen nothing yet, or this is the search or
            a reference.
        reference: The reference that it is a run of; None: it is a run of the method.
    """

    name: str
    arm: StudyArm
    pair: int | None
    asked: RunRequest | None
    done: Part | None
    chosen: Part | None
    reference: Reference | None = None


def runs_now(study: Study, book: StudyBook) -> Iterator[RunNow]:
    """The searches of a study and its runs with a pair, method by method, then its references.

    A search that is asked for more trials than it had is to be resumed. Until that has happened, its pairs
    are those of its earlier choice.

    Args:
        study: The study.
        book: Its runs that have ended.
    """
    for arm in study.arms:
        name = study.name_of(arm)
        asked, chosen = SearchJob(name, arm).asked, book.done(name)
        yield RunNow(name, arm, None, asked, book.done(name, asked), None)
        for number in study.numbers:
            name = study.pair_name(arm, number, chosen)
            wanted = None if chosen is None else PairJob.asked_of(number, chosen)
            done = None if wanted is None else book.done(name, wanted)
            yield RunNow(name, arm, number, wanted, done, chosen)
    for reference in study.references:
        for number in study.numbers:
            name, wanted = reference.name(number), reference.asked(number)
            # Other studies share it, and whoever removes a study may remove it too.
            done = book.done(name, wanted) if (RUNS / name).exists() else None
            yield RunNow(name, reference.arm, number, wanted, done, None, reference)
