"""The costs of methods, in the columns of a leaderboard for a paper."""

from __future__ import annotations

from .leaderboard_rows import leaderboard_rows
from .metric_rows import metric_rows
from .stream_result import StreamResult

_INTERVAL = "95 % interval"
_RUNS = (
    "bytes kept",
    "trained parameters",
    "peak GPU memory",
    "training FLOPs",
    "seconds/train",
    "GPU-hours",
)
_SEARCH = ("trials", "search seconds", "search GPU-hours")


def took_rows(stream: StreamResult) -> list[list[str]]:
    """The heads, then a row for each method: the mean's interval, the mean costs of its runs, and the trials
    and time of its search. A column without any entry is left out.

    Args:
        stream: The stream.
    """
    (heads, *rows), metrics = leaderboard_rows(stream), metric_rows(stream) or [[]]
    found = {head: [row[n] for row in rows] for n, head in enumerate(heads)}
    found |= {head: [row[n] for row in metrics[1:]] for n, head in enumerate(metrics[0])}
    shown = [head for head in (_INTERVAL, *_RUNS, *_SEARCH) if head in found]
    return [shown, *([found[head][n] for head in shown] for n in range(len(rows)))]
