"""Mean and spread over pairs of one metric of a method."""

from __future__ import annotations

import math

from ..statistics.summary import Summary, summarise
from .method_result import MethodResult


def metric_summary(method: MethodResult, metric: str) -> Summary | None:
    """Summarises a metric over the pairs that have it and where it is finite; None where none has.

    Args:
        method: The method.
        metric: A metric on test data, without ``test/``, or one of what its runs took.
    """
    figures = [value for value in method.figures(metric).values() if math.isfinite(value)]
    return summarise(figures) if figures else None
