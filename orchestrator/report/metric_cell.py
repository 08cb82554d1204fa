"""Writes a metric of a method for tables."""

from __future__ import annotations

from ..metrics.measures import unit
from .method_result import MethodResult
from .metric_summary import metric_summary
from .shown_figure import shown_figure
from .shown_number import MISSING

ALONE = ("bytes", "parameters", "FLOPs", "GPU-hours")
"""The units of amounts, which are shown without a deviation."""


def metric_cell(method: MethodResult, metric: str) -> str:
    """Mean and sample standard deviation of a metric. An amount of memory, of parameters, of FLOPs or of
    hours has its
    mean alone, and a missing metric has a dash.

    Args:
        method: The method.
        metric: A metric on test data, without ``test/``, or a cost of its runs.
    """
    if (told := metric_summary(method, metric)) is None:
        return MISSING
    alone = told.n == 1 or unit(metric) in ALONE
    return shown_figure(told.mean, metric) + ("" if alone else f" ± {shown_figure(told.deviation, metric)}")
