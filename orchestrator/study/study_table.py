"""Makes the tables of a study, and a sentence for each comparison."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan

from ..report.order_rows import order_rows
from ..report.reference_blocks import reference_blocks
from ..report.stream_result import StreamResult
from ..statistics.summary import summarise
from .stream_figures import StreamFigures
from .study import Study
from .study_arm import StudyArm
from .study_book import StudyBook
from .study_result import study_result

_COLUMNS = ("method", "trials", "memory", "pairs", "mean", "interval")


def study_table(study: Study, book: StudyBook) -> str:
    """The study's result as Markdown: a table and sentences for each stream.

    The first method is compared with each other one, over the pairs that both have, by an exact Wilcoxon
    signed-rank test whose p is corrected for the stream's comparisons (Holm). A sentence says that all were
    tuned alike, or had one memory, where that is true of the methods as they were run. References have
    tables of their own.

    Args:
        study: The study.
        book: Its runs that have ended.
    """
    question = " ".join(study.request.question.split())  # a heading is one line
    blocks = [f"# {question}"] if question else []
    found = study_result(study, book).streams if study.references or study.beyond else ()
    for number, arms in enumerate(study.on_streams()):
        blocks += _blocks(study, book, StreamFigures(study, book, arms))
        blocks += reference_blocks(found[number]) if found else []
        blocks += _orders(found[number]) if found else []
    return "\n\n".join(blocks) + "\n"


def _blocks(study: Study, book: StudyBook, there: StreamFigures) -> list[str]:
    """The blocks of one stream."""
    rows = [_row(study, book, there, *one) for one in zip(there.arms, there.figures, strict=True)]
    sentences = [f"- {found.sentence}." for found in there.comparisons()]
    failed = [f"- {line}" for line in there.failed()]
    return [
        f"## {there.title}",
        there.about(),
        "\n".join(_line(cells) for cells in (_COLUMNS, ["---"] * len(_COLUMNS), *rows)),
        *(["\n".join(sentences)] if sentences else []),
        *(["\n".join(["Failed, and tried again by `--resume`:", "", *failed])] if failed else []),
    ]


def _orders(stream: StreamResult) -> list[str]:
    """The blocks on extreme orders, where some are asked for."""
    if stream.orders is None:
        return []
    heads, *rows = order_rows(stream)
    lines = [_line(cells) for cells in (heads, ["---"] * len(heads), *rows)]
    return [stream.orders.about, *([] if stream.orders.reason else ["\n".join(lines)])]


def _row(
    study: Study, book: StudyBook, there: StreamFigures, arm: StudyArm, found: dict[int, float]
) -> list[str]:
    search = book.parts.get(study.name_of(arm))
    trials = str(search.trials if search else 0)
    if search and search.failed_trials:
        trials += f", {search.failed_trials} failed"
    cells = [arm.method.label, trials, arm.memory, str(len(found))]
    if not found:
        return [*cells, "", ""]
    told = summarise(next(iter(there.independent(found).values.values())))
    spread = "" if isnan(told.deviation) else f" ± {told.deviation:.1f}"
    interval = "" if isnan(told.low) else f"{told.low:.1f} to {told.high:.1f}"
    return [*cells, f"{told.mean:.1f}{spread}", interval]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
