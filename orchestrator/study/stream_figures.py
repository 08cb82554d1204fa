"""The figures of a study's methods on one stream, and their comparisons."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from math import isfinite, nan

from ..evaluation.protocol import HEADLINE
from ..metrics.measures import better, difference_unit, in_unit
from ..report.comparison_result import ComparisonResult
from ..report.compute_said import compute_said
from ..search.budget import Budget
from ..search.scheduler_choice import SchedulerChoice
from ..statistics.holm import holm
from ..statistics.independent_values import IndependentValues, independent_values
from ..statistics.paired_comparison import compare_pairs
from ..statistics.verdict import verdict
from ..storage.run_files import trials_of
from ..storage.run_folder import RUNS
from ..streams import registry as streams
from .chosen_part import chosen_part
from .recorded_cost import recorded_cost
from .recorded_stream import recorded_stream
from .run_request import BUDGET, TRIALS
from .study import Study
from .study_arm import StudyArm
from .study_book import Part, StudyBook


class StreamFigures:
    """The figures of a study's methods on one stream.

    Args:
        study: The study.
        book: Its runs that have ended.
        arms: Its methods on the stream, the first one first.

    Attributes:
        arms: The methods on the stream.
        measure: The metric on test data by which they are compared, without ``test/``.
        title: The stream's name or label.
        figures: For each method, pair -> figure on test data, for the pairs that have ended.
    """

    def __init__(self, study: Study, book: StudyBook, arms: Sequence[StudyArm]) -> None:
        self.arms = arms
        self._study = study
        self._book = book
        self.measure = HEADLINE[streams.get(arms[0].space.config.stream_name).scenario]
        self.title = arms[0].title
        self.figures = [self._figures_of(arm) for arm in arms]
        known = {number: recorded_stream(part) for number, part in self._with_pairs()}
        self._order_of = {number: stream for number, stream in known.items() if stream}

    def about(self) -> str:
        """Describes the figures of a table."""
        protocol = self._study.request.protocol
        by = f" {protocol.said}" if protocol.said else ""
        rule = self._study.request.scheduler
        stops = f"; {SchedulerChoice(rule).said}" if rule else ""
        return (
            f"`{self.measure}` on test data, {in_unit(self.measure)}: mean and sample standard deviation "
            f"over pairs of seed and order, and the mean's 95 % interval. Values were chosen on validation "
            f"data{by} ({protocol.text}){stops}.{self._confirmed()}{self._given()}{self._held()}"
            f"{self._orders()}{self._commits()}"
        )

    def failed(self) -> list[str]:
        """A line for each run that failed."""
        names = []
        for arm in self.arms:
            search = self._book.done(self._study.name_of(arm))
            names += [self._study.name_of(arm)]
            for one in (search,) if search is None else search.each_candidate:
                every = (*self._study.numbers, *self._study.beyond)
                names += [self._study.pair_name(arm, n, one) for n in every]
        parts = [part for name in names if (part := self._book.parts.get(name)) and part.reason]
        return [f"{part.name}: {part.reason}" for part in parts]

    def comparisons(self) -> list[ComparisonResult]:
        """The first method compared with each other method that shares a pair with it, over the pairs that
        both have.

        Pairs of one order count as one (:meth:`independent`). p is corrected for the stream's comparisons
        (Holm).
        """
        label, first = self.arms[0].method.label, self.figures[0]
        compared = []
        for arm, figures in zip(self.arms[1:], self.figures[1:], strict=True):
            if shared := [n for n in first if n in figures]:
                both = self.independent({n: first[n] for n in shared}, {n: figures[n] for n in shared})
                found = compare_pairs(*both.values.values())
                compared.append((arm, found, both.over, {n: first[n] - figures[n] for n in shared}))
        corrected = holm([found.p for _, found, *_ in compared])
        results = []
        for (other, found, over, differences), p in zip(compared, corrected, strict=True):
            sentence = verdict(
                found,
                label,
                other.method.label,
                over=over,
                corrected_p=p,
                comparisons=len(compared),
                less_is_better=better(self.measure) == "min",
                unit=difference_unit(self.measure),
                condition=self._tuned(other),
                cost=", and ".join(
                    filter(None, [self._cost(other), self._compute(other, list(differences))])
                ),
            )
            results.append(ComparisonResult(label, other.method.label, found, p, sentence, differences))
        return results

    def stream_of(self, number: int) -> str:
        """What tells the order of a pair's stream from others; empty where no run has recorded it."""
        return self._order_of.get(number, "")

    def order_of(self, number: int) -> int:
        """The order of a pair: the number of the first pair that has it. A stream of two tasks has but two
        orders, whatever number a pair gives to its own.
        """
        own = self._order_of.get(number)
        return min((n for n, stream in self._order_of.items() if stream == own), default=number)

    def independent(self, *figures: Mapping[int, float]) -> IndependentValues:
        """Reduces figures over the same pairs to independent ones: pairs whose orders are alike, though their
        numbers differ, are one figure, their mean
        (:func:`~orchestrator.statistics.independent_values.independent_values`).

        Args:
            figures: Of each method, pair -> figure.
        """
        order_of = self._order_of
        return independent_values(
            {
                str(k): {(order_of.get(n, n), n): value for n, value in one.items()}
                for k, one in enumerate(figures)
            }
        )

    def _with_pairs(self) -> Iterator[tuple[int, Part]]:
        """The numbers of pairs, and the runs with them that have ended."""
        for arm in self.arms:
            if (chosen := chosen_part(self._study, self._book, arm)) is not None:
                for number in self._study.numbers:
                    if (part := self._book.done(self._study.pair_name(arm, number, chosen))) is not None:
                        yield number, part

    def _figures_of(self, arm: StudyArm) -> dict[int, float]:
        """Pair -> figure on test data, for the search's choice and the pairs that have ended."""
        if (chosen := chosen_part(self._study, self._book, arm)) is None:
            return {}
        names = {n: self._study.pair_name(arm, n, chosen) for n in self._study.numbers}
        parts = {n: self._book.done(name) for n, name in names.items()}
        found = {n: part.test.get(self.measure, nan) for n, part in parts.items() if part}
        return {n: value for n, value in found.items() if isfinite(value)}

    def _confirmed(self) -> str:
        """The sentence above the table on the best trials of each search, where several were run."""
        if (best := self._study.request.best) == 1:
            return ""
        metric = self.arms[0].space.objective.metric
        return (
            f" Up to {best} of the best trials of each search were run with every pair, and the one with the "
            f"best mean `{metric}` over the pairs was chosen."
        )

    def _given(self) -> str:
        """What is said of the searches' budget above the table, where each had the same."""
        first, *others = (self._asked_for(arm) for arm in self.arms)
        if self.arms[0].budget is None or any(other != first for other in others):
            return ""
        return f" Each search had {Budget.of(first, 'the study').said}."

    def _held(self) -> str:
        """The sentence on memories above the table, where all methods with a memory have the same."""
        sizes = {arm.memory for arm in self.arms} - {"0"}
        if len(sizes) != 1 or "searched" in sizes:
            return ""
        return f" Every method with a memory has {_samples(*sizes)}."

    def _orders(self) -> str:
        """The sentence above the table where pairs share an order, or have that of the searches: a stream of
        two tasks has only two orders.
        """
        said = ""
        for arm in self.arms:
            search = chosen_part(self._study, self._book, arm)
            names = [self._study.pair_name(arm, n, search) for n in self._study.numbers] if search else []
            parts = filter(None, map(self._book.done, names))
            orders = [stream for part in parts if (stream := recorded_stream(part))]
            if search is None or not orders:
                continue
            if len(set(orders)) < len(orders):
                said = f" The {len(orders)} pairs have {_different(len(set(orders)))}."
            if (own := recorded_stream(search)) in orders:
                said += f" {orders.count(own)} of {len(orders)} pairs have the order of the searches."
            break
        return said

    def _commits(self) -> str:
        """The sentence above the table where its runs were made at several commits of the code."""
        parts: list[Part] = []
        for arm in self.arms:
            if (search := chosen_part(self._study, self._book, arm)) is not None:
                names = [self._study.pair_name(arm, n, search) for n in self._study.numbers]
                parts += [search, *filter(None, map(self._book.done, names))]
        found = Counter(part.commit.replace(", ", " and ") or "unknown" for part in parts)
        each = [f"{commit} ({count} run{'s' * (count > 1)})" for commit, count in found.items()]
        return f" The runs are of several commits of the code: {', '.join(each)}." if len(each) > 1 else ""

    def _tuned(self, other: StudyArm) -> str:
        """The beginning of a sentence, on how the first method and another one were tuned."""
        first = self.arms[0]
        ended = all(self._book.done(self._study.name_of(arm)) for arm in self.arms)
        if ended and len({self._asked_for(arm) for arm in self.arms}) == 1:
            return "With everyone tuned alike"
        mine, its = self._asked_for(first), self._asked_for(other)
        of = " trials" if first.budget is None else " of trials"
        if mine == its:
            return f"With {mine}{of} each"
        return f"With {mine}{of} of {first.method.label} and {its} of {other.method.label}"

    def _asked_for(self, arm: StudyArm) -> int | str:
        """How many trials the search was asked for that chose the figures' values, or which budget it had. A
        study that grows is asked for more.
        """
        search = self._book.done(self._study.name_of(arm))
        known = {} if search is None else search.asked.values
        if arm.budget is not None:
            return str(known.get(BUDGET, arm.budget.text))
        return int(known.get(TRIALS, arm.trials))

    def _cost(self, other: StudyArm) -> str:
        """The memory of the first method and of another one; empty where it is not the same."""
        memory = self.arms[0].memory
        if memory in ("0", "searched") or memory != other.memory:
            return ""
        return _samples(memory).replace("samples", "replayed samples")

    def _compute(self, other: StudyArm, numbers: Sequence[int]) -> str:
        """What a run of the first method and of another one took, over these pairs."""
        arms = {arm.method.label: arm for arm in (self.arms[0], other)}
        costs: dict[str, list[dict[str, float]]] = {label: [] for label in arms}
        for label, arm in arms.items():
            if (chosen := chosen_part(self._study, self._book, arm)) is not None:
                names = [self._study.pair_name(arm, n, chosen) for n in numbers]
                parts = filter(None, map(self._book.done, names))
                costs[label] = [recorded_cost(trials_of(RUNS / part.name) / part.trial) for part in parts]
        return compute_said(costs)


def _different(orders: int) -> str:
    if orders == 1:
        return "one order, for which alone the figures hold"
    return f"{orders} different orders; pairs of one order count as one, their mean, so that n is {orders}"


def _samples(memory: str) -> str:
    """``40`` as ``40 samples``, ``20 a class`` as ``20 samples a class``."""
    size, *of = memory.split(maxsplit=1)
    return " ".join([size, "samples", *of])
