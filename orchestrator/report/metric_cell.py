"""Writes a metric of a method for tables."""

from __future__ import annotations

from ..schema.shown import shown_bytes
from .method_result import MethodResult
from .metric_summary import metric_summary
from .shown_number import MISSING, shown_number

_BYTES = ("replay/bytes", "memory/gpu_bytes")
_HOURS = ("gpu_hours",)
_COUNTS = ("parameters/trained",)


def metric_cell(method: MethodResult, metric: str) -> str:
    """Mean and sample standard deviation of a metric. An amount of memory, of parameters or of hours has its
    mean alone, and a missing metric has a dash.

    Args:
        method: The method.
        metric: A metric on test data, without ``test/``, or a cost of its runs.
    """
    if (told := metric_summary(method, metric)) is None:
        return MISSING
    if metric in _BYTES:
        return shown_bytes(told.mean)
    if metric in _COUNTS:
        return f"{told.mean:,.0f}"
    if metric in _HOURS:
        return shown_number(told.mean, 3)
    spread = "" if told.n == 1 else f" ± {shown_number(told.deviation)}"
    return f"{shown_number(told.mean)}{spread}"
