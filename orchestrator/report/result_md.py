"""A leaderboard in Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from .leaderboard_rows import leaderboard_rows
from .metric_rows import metric_rows
from .stream_result import StreamResult
from .study_result import StudyResult


def result_md(result: StudyResult) -> str:
    """The leaderboard of each stream in Markdown: a table of the metric by which methods are compared, and a
    table of further metrics and of the costs of runs.

    Args:
        result: The streams.
    """
    blocks = [block for stream in result.streams for block in _blocks(stream)]
    remarks = ["\n".join(f"- {line}" for line in result.remarks)] if result.remarks else []
    return "\n\n".join([*blocks, *remarks]) + "\n"


def _blocks(stream: StreamResult) -> list[str]:
    more = metric_rows(stream)
    said = "Further metrics on test data, and what a run took: means ± sample standard deviations"
    said += ", in percent where the head names no unit"
    lost = ["\n".join(f"- {line}" for line in (*stream.failed, *stream.unread))]
    return [
        f"## {stream.title}",
        stream.about,
        _table(leaderboard_rows(stream)),
        *([f"{said}.", _table(more)] if more else []),
        *(lost if stream.failed or stream.unread else []),
    ]


def _table(rows: Sequence[Sequence[str]]) -> str:
    rule = ["---", *["---:"] * (len(rows[0]) - 1)]
    return "\n".join(_line(cells) for cells in (rows[0], rule, *rows[1:]))


def _line(cells: Sequence[str]) -> str:
    # A | within a cell would end it.
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
