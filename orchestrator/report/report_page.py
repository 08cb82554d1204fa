"""A study's page: one file of HTML that needs nothing else."""

from __future__ import annotations

from collections.abc import Sequence

from .answer import answer
from .html import Html, join, tag
from .sections.again import again
from .sections.best_few import best_few
from .sections.comparisons import comparisons
from .sections.curves import curves
from .sections.drift import drift
from .sections.leaderboard import leaderboard
from .sections.matrices import matrices
from .sections.mattered import mattered
from .sections.memory import memory
from .sections.orders import orders
from .sections.pairs import pairs
from .sections.references import references
from .sections.searches import searches
from .sections.section import Section
from .stream_result import StreamResult
from .study_result import StudyResult
from .style import STYLE

LIMIT = 2_000_000
"""The bytes that a page has at most."""

_SECTIONS = (
    leaderboard,
    references,
    comparisons,
    pairs,
    orders,
    curves,
    drift,
    matrices,
    memory,
    best_few,
    searches,
    mattered,
    again,
)
_LINES = 10  # of failures


def report_page(result: StudyResult, limit: int = LIMIT) -> str:
    """A study's result as one page of HTML, with its style and its pictures in it. It makes no request.

    Numbers are those of ``result.md``. Parts that a study does not have yet are left out, or are a dash.
    Where the page would be larger than ``limit`` bytes, the largest sections of pictures are left out, and
    the page says so.

    Args:
        result: The study.
        limit: The bytes that the page may have.
    """
    found = [
        (n, section)
        for n, stream in enumerate(result.streams)
        for build in _SECTIONS
        if (section := build(stream)) is not None
    ]
    while True:
        page = _page(result, found)
        largest = max(
            (one for one in found if one[1].optional), key=lambda one: len(one[1].body), default=None
        )
        if len(page.encode()) <= limit or largest is None:
            return page
        said = tag(
            "p",
            f"Left out, since the page would be too large. {_elsewhere(result)} has the numbers.",
            kind="soft",
        )
        found[found.index(largest)] = largest[0], Section(largest[1].title, said)


def _page(result: StudyResult, found: Sequence[tuple[int, Section]]) -> str:
    again = result.command or f"python -m orchestrator.study --resume {result.name}"
    called = f"Study {result.name}" if result.name else "Leaderboard"
    heading = result.question or called
    parts: list[Html] = [tag("h1", heading)]
    parts.append(tag("p", f"{called}, {result.pairs} pairs of seed and order", kind="soft"))
    parts += [tag("p", line, kind="soft") for line in result.remarks]
    for n, stream in enumerate(result.streams):
        parts += [tag("h2", stream.title), tag("p", answer(stream), kind="answer")]
        parts += _lost(stream)
        parts += [section.html(again) for of, section in found if of == n]
    parts += _made(result)
    head = join(
        Html('<meta charset="utf-8">'),
        Html('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        tag("title", heading),
        tag("style", Html(STYLE)),
    )
    return f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head>\n<body>{"".join(parts)}</body></html>\n'


def _elsewhere(result: StudyResult) -> str:
    return "leaderboard.json of --out" if result.command else "result.json"


def _made(result: StudyResult) -> list[Html]:
    """How the page is made again."""
    if result.command:
        said = "# this page, from the record in MLflow alone"
        return [tag("h2", "This page"), tag("pre", f"{said}\n{result.command}")]
    asked = f"# study.yaml\n{result.asked}"
    return [tag("h2", "The study"), tag("pre", asked), tag("pre", _commands(result.name))]


def _lost(stream: StreamResult) -> list[Html]:
    """The runs that failed, and the files that cannot be read."""
    parts: list[Html] = []
    for said, lines in (
        ("Failed, and tried again by --resume:", (*stream.failed, *stream.failed_references)),
        (
            "Not read, so that pictures and seconds of it are missing:",
            (*stream.unread, *stream.unread_references),
        ),
    ):
        if lines:
            more = [f"and {len(lines) - _LINES} more"] if len(lines) > _LINES else []
            items = [tag("li", line) for line in (*lines[:_LINES], *more)]
            parts += [tag("p", said), tag("ul", *items, kind="soft")]
    return parts


def _commands(name: str) -> str:
    return "\n".join(
        [
            "# the study from its beginning, with the file above",
            "python -m orchestrator.study study.yaml",
            "# what is left of it, and this page",
            f"python -m orchestrator.study --resume {name}",
            "# this page and the tables alone, from what is recorded",
            f"python -m orchestrator.study --report {name}",
        ]
    )
