"""The leaderboard of a stream."""

from __future__ import annotations

from ..html import join, tag
from ..leaderboard_rows import leaderboard_rows
from ..metric_rows import cost_rows, quality_rows
from ..stream_result import StreamResult
from ..table import table
from .section import Section

_METRICS = (
    "Further metrics on test data, mean ± sample standard deviation over pairs; in percent where the head "
    "names no unit."
)
_COSTS = (
    "What a run with a pair kept and took. Seconds are its sum over tasks, beside whatever else ran at the "
    "time."
)


def leaderboard(stream: StreamResult) -> Section:
    """The table that ``result.md`` also has, a table of further metrics, and one of the costs of runs.

    Args:
        stream: The stream.
    """
    heads, *rows = leaderboard_rows(stream)
    parts = [tag("p", stream.about.replace("`", ""), kind="soft"), table(heads, rows, "leaderboard")]
    for name, said, more in (
        ("metrics", _METRICS, quality_rows(stream)),
        ("costs", _COSTS, cost_rows(stream)),
    ):
        if more:
            parts += [tag("p", said, kind="soft"), table(more[0], more[1:], name)]
    return Section("Leaderboard", join(*parts))
