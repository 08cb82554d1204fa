"""The rows of a table of further metrics and of the costs of runs."""

from __future__ import annotations

from collections.abc import Sequence

from .metric_cell import metric_cell
from .metric_head import metric_head
from .metric_summary import metric_summary
from .stream_result import StreamResult
from .told_metrics import costs, shown_metrics


def metric_rows(stream: StreamResult) -> list[list[str]]:
    """The heads, then a row for each method, of further metrics and of costs; empty where no method has any.

    Args:
        stream: The stream.
    """
    first, *others = shown_metrics(stream)
    return _rows(stream, [name for name in dict.fromkeys([*others, *costs(stream)]) if name != first])


def quality_rows(stream: StreamResult) -> list[list[str]]:
    """The rows of :func:`metric_rows` with the further metrics on test data alone."""
    return _rows(stream, shown_metrics(stream)[1:])


def cost_rows(stream: StreamResult) -> list[list[str]]:
    """The rows of :func:`metric_rows` with the costs alone: samples, seconds, bytes, parameters.

    GPU-hours are left out where no run held a GPU.
    """
    return _rows(stream, costs(stream))


def _rows(stream: StreamResult, names: Sequence[str]) -> list[list[str]]:
    metrics = [name for name in names if _told(stream, name)]
    if not metrics:
        return []
    heads = ["method", *map(metric_head, metrics)]
    return [heads, *([m.label, *(metric_cell(m, name) for name in metrics)] for m in stream.methods)]


def _told(stream: StreamResult, name: str) -> bool:
    found = [told for method in stream.methods if (told := metric_summary(method, name))]
    return any(told.mean for told in found) if name == "gpu_hours" else bool(found)
