"""The rows of a leaderboard."""

from __future__ import annotations

from ..statistics.summary import Summary
from .method_result import MethodResult
from .metric_cell import metric_cell
from .metric_head import unit_after
from .metric_summary import metric_summary
from .shown_figure import shown_figure
from .shown_number import MISSING, shown_number
from .stream_result import StreamResult

_HEADS = ("method", "mean", "95 % interval", "n", "memory", "validation", "trials")
_SPENT = {"seconds": "search seconds", "gpu_hours": "search GPU-hours"}


def leaderboard_rows(stream: StreamResult) -> list[list[str]]:
    """The heads, then a row for each method: mean ± sample standard deviation of the metric by which methods
    are compared, the mean's 95 % interval, the number of figures, and the method's memory and costs. The
    mean's head has the metric's unit where that is not percent.

    The column ``runs`` exists where some mean is over fewer figures than there are runs, since runs share an
    order. The costs of searches are shown where they are known.

    Args:
        stream: The stream.
    """
    runs = any(_n(stream, method) != _runs(stream, method) for method in stream.methods)
    spent = [key for key in _SPENT if any(method.spent.get(key) for method in stream.methods)]
    mean = f"mean{unit_after(stream.measure)}"
    heads = [_HEADS[0], mean, *_HEADS[2:4], *(["runs"] if runs else []), *_HEADS[4:]]
    heads += [_SPENT[key] for key in spent]
    return [heads, *(_row(stream, method, spent, runs=runs) for method in stream.methods)]


def _row(stream: StreamResult, method: MethodResult, spent: list[str], *, runs: bool) -> list[str]:
    trials = MISSING if method.trials is None else str(method.trials)
    if method.failed_trials:
        trials += f", {method.failed_trials} failed"
    told = metric_summary(method, stream.measure)
    ends = _between(told, stream.measure) if told and told.n > 1 else MISSING
    row = [method.label, metric_cell(method, stream.measure), ends, str(_n(stream, method))]
    row += [str(_runs(stream, method))] if runs else []
    row += [method.memory, shown_number(method.score), trials]
    return [*row, *(shown_number(method.spent.get(key), 3 if "hours" in key else 0) for key in spent)]


def _between(told: Summary, metric: str) -> str:
    return f"{shown_figure(told.low, metric)} to {shown_figure(told.high, metric)}"


def _n(stream: StreamResult, method: MethodResult) -> int:
    told = metric_summary(method, stream.measure)
    return told.n if told else 0


def _runs(stream: StreamResult, method: MethodResult) -> int:
    return len(method.figures(stream.measure))
