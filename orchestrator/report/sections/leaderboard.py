"""The leaderboard of a stream."""

from __future__ import annotations

from ...schema.shown import shown_bytes
from ..html import join, tag
from ..method_result import MethodResult
from ..metric_summary import metric_summary
from ..shown_number import MISSING, shown_number
from ..stream_result import StreamResult
from ..table import table
from ..told_metrics import COST, shown_metrics
from .section import Section

_HEADS = ("method", "mean", "95 % interval", "n", "memory", "validation", "trials")
_TOOK = {"replay/items": "samples kept", "replay/bytes": "bytes kept"}


def leaderboard(stream: StreamResult) -> Section:
    """The table that ``result.md`` has too, and one of further metrics and of what the runs took.

    Args:
        stream: The stream.
    """
    metrics = [*shown_metrics(stream)[1:], *COST]
    metrics = [name for name in metrics if any(metric_summary(m, name) for m in stream.methods)]
    parts = [tag("p", stream.about.replace("`", ""), kind="soft")]
    parts.append(table(_HEADS, [_row(stream, method) for method in stream.methods], "leaderboard"))
    if metrics:
        heads = ["method", *(_TOOK.get(name, name.replace("_", " ")) for name in metrics)]
        rows = [[m.label, *(_cell(m, name) for name in metrics)] for m in stream.methods]
        said = (
            "Further metrics on test data, mean ± sample standard deviation over pairs; in percent, angles "
        )
        said += "in degrees. Seconds are a run's sum over tasks, beside whatever else ran at the time."
        parts += [tag("p", said, kind="soft"), table(heads, rows, "metrics")]
    return Section("Leaderboard", join(*parts))


def _row(stream: StreamResult, method: MethodResult) -> list[str]:
    trials = str(method.trials)
    if method.failed_trials:
        trials += f", {method.failed_trials} failed"
    told = metric_summary(method, stream.measure)
    ends = f"{shown_number(told.low)} to {shown_number(told.high)}" if told and told.n > 1 else MISSING
    n = told.n if told else 0
    mean = _cell(method, stream.measure)
    return [method.label, mean, ends, str(n), method.memory, shown_number(method.score), trials]


def _cell(method: MethodResult, metric: str) -> str:
    if (told := metric_summary(method, metric)) is None:
        return MISSING
    if metric == "replay/bytes":
        return shown_bytes(told.mean)
    spread = "" if told.n == 1 else f" ± {shown_number(told.deviation)}"
    return f"{shown_number(told.mean)}{spread}"
