"""Names a metric in the head of a column."""

from __future__ import annotations

from ..metrics.measures import unit

_COSTS = {
    "replay/items": "samples kept",
    "replay/bytes": "bytes kept",
    "parameters/trained": "trained parameters",
    "memory/gpu_bytes": "peak GPU memory",
    "flops/train": "training FLOPs",
    "gpu_hours": "GPU-hours",
}


def metric_head(metric: str) -> str:
    """The head of a metric's column: its name, and its unit where that is not percent and the name lacks it.

    Args:
        metric: A metric on test data, without ``test/``, or a cost of runs.
    """
    if metric in _COSTS:
        return _COSTS[metric]
    return metric.replace("_", " ") + ("" if unit(metric) in metric.split("/") else unit_after(metric))


def unit_after(metric: str) -> str:
    """The unit in brackets, behind a blank; empty where it is percent or not known, and of bytes and
    FLOPs, whose figures have their unit.
    """
    return "" if unit(metric) in ("%", "", "bytes", "FLOPs") else f" ({unit(metric)})"
