"""Mean and spread over pairs of one metric of a method."""

from __future__ import annotations

import math
from collections.abc import Hashable

from ..statistics.independent_values import independent_values
from ..statistics.summary import Summary, summarise
from .method_result import MethodResult


def metric_summary(method: MethodResult, metric: str) -> Summary | None:
    """Summarises a metric over the pairs that have a finite value; None where no pair has one.

    Pairs with one order are one figure, their mean, where there are several orders
    (:func:`~orchestrator.statistics.independent_values.independent_values`).

    Args:
        method: The method.
        metric: A metric on test data, without ``test/``, or a cost of its runs.
    """
    figures = {number: value for number, value in method.figures(metric).items() if math.isfinite(value)}
    if not figures:
        return None
    runs: dict[tuple[Hashable, int], float] = {
        (pair.arranged, pair.number): figures[pair.number] for pair in method.pairs if pair.number in figures
    }
    return summarise(independent_values({method.label: runs}).values[method.label])
