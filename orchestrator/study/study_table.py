"""The tables of a study, and the sentence that each comparison comes to."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from math import isnan

from ..evaluation.protocol import HEADLINE
from ..metrics.measures import better
from ..statistics.holm import holm
from ..statistics.paired_comparison import PairedComparison, compare_pairs
from ..statistics.summary import summarise
from ..statistics.verdict import verdict
from ..streams import registry as streams
from .study_arm import StudyArm
from .study_request import PROTOCOL, StudyRequest
from .study_run import StudyRun


def study_table(study: StudyRun, request: StudyRequest, arms: Sequence[StudyArm]) -> str:
    """The study's result as Markdown: a table and sentences for each stream.

    The first method is compared with each other one, over the pairs that both have, by an exact Wilcoxon
    signed-rank test whose p is corrected for the stream's comparisons (Holm).

    Args:
        study: The study's runs.
        request: What was asked.
        arms: Its methods on its streams, stream by stream.
    """
    blocks = [f"# {request.question}"] if request.question else []
    for _, on_stream in groupby(arms, key=lambda arm: arm.stream):
        blocks += _of_stream(study, request, list(on_stream))
    return "\n\n".join(blocks) + "\n"


def _of_stream(study: StudyRun, request: StudyRequest, arms: Sequence[StudyArm]) -> list[str]:
    config = arms[0].space.config
    measure = HEADLINE[streams.get(config.stream_name).scenario]
    figures = [_figures(study, request, arm, measure) for arm in arms]
    held = "" if request.memory is None else f" Every method with a memory has {request.memory} samples."
    title = config.stream_name if arms[0].stream is None else arms[0].stream.label
    rows = [_row(study, arm, found) for arm, found in zip(arms, figures, strict=True)]
    return [
        f"## {title}",
        f"`{measure}` on test data, in percent: mean and sample standard deviation over pairs of seed and "
        f"order, and the mean's 95 % interval. Values were chosen on validation data ({PROTOCOL}).{held}",
        "\n".join(
            ["| method | trials | pairs | mean | interval |", "| --- | --- | --- | --- | --- |", *rows]
        ),
        *_sentences(request, arms, figures, measure),
    ]


def _figures(study: StudyRun, request: StudyRequest, arm: StudyArm, measure: str) -> dict[int, float]:
    """Pair -> figure on test data, of the pairs that have ended."""
    parts = {n: study.book.done(study.name_of(arm, n)) for n in range(1, request.pairs + 1)}
    return {n: part.test[measure] for n, part in parts.items() if part is not None and measure in part.test}


def _row(study: StudyRun, arm: StudyArm, found: dict[int, float]) -> str:
    search = study.book.parts.get(study.name_of(arm))
    cells = [arm.method.label, str(search.trials if search else 0), str(len(found))]
    if not found:
        failed = [part for name in study.names(arm) if (part := study.book.parts.get(name)) and part.reason]
        return f"| {' | '.join(cells)} | {failed[0].reason if failed else ''} | |"
    told = summarise(list(found.values()))
    spread = "" if isnan(told.deviation) else f" ± {told.deviation:.1f}"
    interval = "" if isnan(told.low) else f"{told.low:.1f} to {told.high:.1f}"
    return f"| {' | '.join(cells)} | {told.mean:.1f}{spread} | {interval} |"


def _sentences(
    request: StudyRequest, arms: Sequence[StudyArm], figures: Sequence[dict[int, float]], measure: str
) -> list[str]:
    """A sentence for each comparison of the first method with another one."""
    compared: list[tuple[str, PairedComparison]] = []
    for arm, others in zip(arms[1:], figures[1:], strict=True):
        if shared := [n for n in figures[0] if n in others]:
            found = compare_pairs([figures[0][n] for n in shared], [others[n] for n in shared])
            compared.append((arm.method.label, found))
    corrected = holm([found.p for _, found in compared])
    held = "" if request.memory is None else f"{request.memory} replayed samples"
    lines = [
        verdict(
            found,
            arms[0].method.label,
            other,
            over=f"{found.n} seeds and orders",
            corrected_p=p,
            comparisons=len(compared),
            less_is_better=better(measure) == "min",
            condition="With everyone tuned alike",
            cost=held,
        )
        for (other, found), p in zip(compared, corrected, strict=True)
    ]
    return ["\n".join(f"- {line}." for line in lines)] if lines else []
