"""The leaderboard of a stream."""

from __future__ import annotations

from ..html import join, tag
from ..leaderboard_rows import leaderboard_rows
from ..metric_rows import metric_rows
from ..stream_result import StreamResult
from ..table import table
from .section import Section


def leaderboard(stream: StreamResult) -> Section:
    """The table that ``result.md`` also has, and a table of further metrics and of the costs of runs.

    Args:
        stream: The stream.
    """
    heads, *rows = leaderboard_rows(stream)
    parts = [tag("p", stream.about.replace("`", ""), kind="soft"), table(heads, rows, "leaderboard")]
    if more := metric_rows(stream):
        said = (
            "Further metrics on test data, mean ± sample standard deviation over pairs; in percent, angles "
        )
        said += "in degrees. Seconds are a run's sum over tasks, beside whatever else ran at the time."
        parts += [tag("p", said, kind="soft"), table(more[0], more[1:], "metrics")]
    return Section("Leaderboard", join(*parts))
