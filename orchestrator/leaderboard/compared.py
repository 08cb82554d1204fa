"""Compares a row of a leaderboard with each other one."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import replace
from math import isfinite

from ..metrics.measures import better, difference_unit
from ..report.comparison_result import ComparisonResult
from ..report.compute_said import compute_said
from ..report.method_result import MethodResult
from ..report.stream_result import StreamResult
from ..statistics.holm import holm
from ..statistics.independent_values import IndependentValues, independent_values
from ..statistics.paired_comparison import compare_pairs
from ..statistics.verdict import verdict
from ..tracking.names import FIRST, METHOD, STUDY
from .row import GIVEN, UNKNOWN, Row

_Runs = Mapping[tuple[Hashable, int], float]  # (order, seed) -> figure


def compared(
    stream: StreamResult, rows: Sequence[Row], methods: Sequence[str], differing: Mapping[str, str]
) -> StreamResult:
    """Compares one row with each other one over the pairs of seed and order that both have.

    Runs on unlike streams are no pairs, though their orders may have one number. Where pairs share orders,
    the orders' means are compared
    (:func:`~orchestrator.statistics.independent_values.independent_values`). p is corrected for the stream's
    comparisons (Holm): where the row was picked among several by its figures, for all comparisons of these
    rows, as :func:`~orchestrator.statistics.holm.holm` says.

    Args:
        stream: The stream, its best method first.
        rows: Its rows.
        methods: The methods that were asked for by name. The best row of the first one is compared.
        differing: The conditions in which rows differ.

    Returns:
        The stream with the comparisons, and with a sentence on which they are. Where no method was asked for
        by name, the first one of the rows' study is compared, else the best one.
    """
    labels, why = _firsts(stream, rows, methods)
    first, *others = (method for label in labels for method in stream.methods if method.label == label)
    label = first.label
    # What the row was picked among might have been compared in its place.
    family = [
        (one, _compared_with(one, [m for m in stream.methods if m.label not in labels[:n]], stream.measure))
        for n, one in enumerate((first, *others), 1)
    ]
    every = [[compare_pairs(*both.values.values()) for _, both in beside] for _, beside in family]
    (_, found), tests = family[0], every[0]
    ps = [test.p for tests_of in every for test in tests_of]
    corrected = holm(ps)[: len(tests)]
    less = better(stream.measure) == "min"
    tuned = "With everyone tuned alike" if _tuned(rows, differing) else ""
    results = []
    for (other, both), test, p in zip(found, tests, corrected, strict=True):
        memory = f"{first.memory} replayed samples" if first.memory.isdecimal() else ""
        memory = memory if first.memory not in ("0", "") and first.memory == other.memory else ""
        mine, its = (_figures(method, stream.measure) for method in (first, other))
        sentence = verdict(
            test,
            label,
            other.label,
            over=both.over,
            corrected_p=p,
            comparisons=len(ps),
            less_is_better=less,
            unit=difference_unit(stream.measure),
            condition=tuned,
            cost=", and ".join(filter(None, [memory, _compute(first, other, mine.keys() & its.keys())])),
        )
        numbers: dict[tuple[Hashable, int], int] = {
            (pair.arranged, pair.seed): pair.number for pair in first.pairs
        }
        differences = {numbers[pair]: mine[pair] - its[pair] for pair in mine if pair in its}
        results.append(ComparisonResult(label, other.label, test, p, sentence, differences))
    about = f"{label} is compared with each other method, since {why}."
    if stream.methods[1:] and not results:
        of = " on a stream that is alike" if any(key.startswith("stream.") for key in differing) else ""
        about = f"{label} is compared with nothing: no other row has a pair of seed and order with it{of}."
    elif others:
        about += f" It is the best of {len(labels)} rows, and p is corrected for all of their comparisons."
    return replace(stream, comparisons=tuple(results), about_comparisons=about, family=len(ps))


def _compared_with(
    one: MethodResult, others: Sequence[MethodResult], measure: str
) -> list[tuple[MethodResult, IndependentValues]]:
    """Those of the others that share a pair with one."""
    return [(other, both) for other in others if (both := _both(one, other, measure)) is not None]


def _firsts(stream: StreamResult, rows: Sequence[Row], methods: Sequence[str]) -> tuple[list[str], str]:
    """The label of the row that is compared with each other one, then those that would have been compared
    had their figures been better; and why it is one of these.
    """
    ranked = [method.label for method in stream.methods]
    by_label = {row.group.label: row for row in rows}
    if methods and (named := [label for label in ranked if by_label[label].group.method == methods[0]]):
        return named, "--methods names it first"
    firsts = {(run.own.get(STUDY, ""), run.own.get(FIRST, "")) for row in rows for run in row.trials}
    if len(firsts) == 1:
        study, called = firsts.pop()
        of = {label: {run.own.get(METHOD, "") for run in by_label[label].trials} for label in ranked}
        if study and (named := [label for label in ranked if called in of[label]]):
            return named, f"it is the first one of the study {study}"
    return ranked, (
        "its mean is best, and neither --methods nor a study names another one first; what is picked by its "
        "figures looks better in them than it is"
    )


def _both(first: MethodResult, other: MethodResult, measure: str) -> IndependentValues | None:
    """The figures of two methods on the pairs that both have; None where they share none."""
    mine, its = _figures(first, measure), _figures(other, measure)
    shared = [pair for pair in mine if pair in its]
    if not shared:
        return None
    figures = {first.label: mine, other.label: its}
    return independent_values({label: {pair: had[pair] for pair in shared} for label, had in figures.items()})


def _compute(first: MethodResult, other: MethodResult, shared: Collection[tuple[Hashable, int]]) -> str:
    """What a run of both methods took, over the pairs that both have."""
    return compute_said(
        {
            method.label: [pair.cost for pair in method.pairs if (pair.arranged, pair.seed) in shared]
            for method in (first, other)
        }
    )


def _figures(method: MethodResult, measure: str) -> _Runs:
    figures = method.figures(measure)
    return {
        (pair.arranged, pair.seed): figures[pair.number]
        for pair in method.pairs
        if isfinite(figures.get(pair.number, float("nan")))
    }


def _tuned(rows: Sequence[Row], differing: Mapping[str, str]) -> bool:
    """Whether searches chose all rows' values, with as many trials and by the same data."""
    protocols = {row.conditions()["protocol"] for row in rows}
    return not {"trials", "protocol"} & differing.keys() and not protocols & {GIVEN, UNKNOWN}
