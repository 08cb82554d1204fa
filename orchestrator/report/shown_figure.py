"""Writes a figure of a metric for a page."""

from __future__ import annotations

from ..metrics.measures import unit
from ..schema.shown import shown_bytes, shown_flops
from .shown_number import shown_number


def shown_figure(value: float, metric: str) -> str:
    """A finite figure as tables have it: bytes and FLOPs with their unit, parameters as a whole number,
    GPU-hours with three digits behind the point, and everything else with one.

    Args:
        value: The figure.
        metric: Its metric, which may be a cost of runs.
    """
    match unit(metric):
        case "bytes":
            return shown_bytes(value)
        case "FLOPs":
            return shown_flops(value)
        case "parameters":
            return f"{value:,.0f}"
        case "GPU-hours":
            return shown_number(value, 3)
    return shown_number(value)
