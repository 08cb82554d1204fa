"""Lists the runs that a study asks for, by what its searches have chosen so far."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..storage.run_folder import RUNS
from .chosen_part import chosen_part
from .found_orders import OrderStore
from .pair import extreme_values
from .pair_job import PairJob
from .reference import Reference
from .run_request import BEST, RunRequest
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
        pair: The pair's number, or the name of an extreme order; None: it is the search.
        asked: The run's request; None for a pair whose search has chosen nothing yet.
        done: The run's part of the book, where it has ended without failing and had this request; else None.
            A reference whose folder is gone is not done.
        chosen: The search whose choice a pair has; None: it has chosen nothing yet, or this is the search or
            a reference.
        reference: The reference that it is a run of; None: it is a run of the method.
        tested: Whether it is tested. The runs of one of several candidates are tested once it is chosen.
        walked: Whether nothing is left of it but the look at test data.
        values: Seed and order of a run in an extreme order; None for every other run, and before the order
            has been found.
    """

    name: str
    arm: StudyArm
    pair: int | str | None
    asked: RunRequest | None
    done: Part | None
    chosen: Part | None
    reference: Reference | None = None
    tested: bool = True
    walked: bool = False
    values: Mapping[str, Any] | None = None

    def goes_on(self, before: Part | None) -> bool:
        """Whether a search that has ended as ``before`` says is asked for more trials or time, and not only
        for more of its best trials.
        """
        if self.asked is None or before is None:
            return False
        return self.asked.with_best(1) != before.asked.with_best(1)

    def job(self, *, test: bool = True) -> PairJob:
        """The run as something to do, of a method whose search has chosen.

        Raises:
            UserError: See :class:`PairJob`.
        """
        assert self.pair is not None and self.chosen is not None
        return PairJob(self.name, self.arm, self.pair, self.chosen, test=test, values=self.values)


def runs_now(study: Study, book: StudyBook) -> Iterator[RunNow]:
    """The searches of a study and its runs with a pair, method by method, then its references.

    A search that is asked for more trials than it had is to be resumed. Until that has happened, its pairs
    are those of its earlier choice. Where several trials of each search are run with every pair, all of them
    are listed, and so many for a search that has not ended.

    Args:
        study: The study.
        book: Its runs that have ended.
    """
    orders = OrderStore(study.folder) if study.beyond else None
    for arm in study.arms:
        name = study.name_of(arm)
        asked, chosen = SearchJob(name, arm).asked, book.done(name)
        yield RunNow(name, arm, None, asked, book.done(name, asked), None)
        yield from _in_orders(study, book, arm, orders)
        if study.request.best > 1:
            yield from _of_candidates(study, book, arm, chosen)
            continue
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


def _in_orders(study: Study, book: StudyBook, arm: StudyArm, orders: OrderStore | None) -> Iterator[RunNow]:
    """The runs in extreme orders."""
    found = None if orders is None else orders.found.get(arm.title)
    if found is not None and found.reason:
        return
    chosen = chosen_part(study, book, arm)
    for which in study.beyond:
        name = study.pair_name(arm, which, chosen)
        if chosen is None or found is None:
            yield RunNow(name, arm, which, None, None, chosen)
            continue
        values = extreme_values(found.orders[which])
        wanted = PairJob.asked_of(which, chosen, values)
        yield RunNow(name, arm, which, wanted, book.done(name, wanted), chosen, values=values)


def _of_candidates(study: Study, book: StudyBook, arm: StudyArm, search: Part | None) -> Iterator[RunNow]:
    """The runs with a pair of the best trials of a search."""
    few = () if search is None or not search.candidates else search.each_candidate
    best, known = (
        study.request.best,
        search is not None and search.asked.values.get(BEST) == study.request.best,
    )
    chosen = chosen_part(study, book, arm)
    for number in study.numbers:
        for nth in range(len(few), len(few) if known else min(best, arm.trials)):
            name = f"{study.name_of(arm)}, choice {nth + 1}, pair {number}"  # which no folder has
            yield RunNow(name, arm, number, None, None, None)
        for one in few:
            name, wanted = study.pair_name(arm, number, one), PairJob.asked_of(number, one)
            part, tested = book.parts.get(name), chosen is not None and one.trial == chosen.trial
            walked = part is not None and part.asked == wanted and part.validation is not None
            done = book.done(name, wanted) if walked else None
            done = done if done is not None and (done.test or not tested) else None
            yield RunNow(name, arm, number, wanted, done, one, tested=tested, walked=walked)
