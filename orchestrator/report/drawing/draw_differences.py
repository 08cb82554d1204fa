"""Draws the differences over pairs between one method and others, with their intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..comparison_result import ComparisonResult
from .rows import ROW, TOP, middle, rows_canvas


def draw_differences(compared: Sequence[ComparisonResult], below: str, title: str) -> str:
    """Draws differences as SVG: a row for each comparison, with a dot for each pair, a stroke at the mean and
    a line for its interval. A line stands at 0.

    Args:
        compared: The comparisons of one method with others.
        below: The label below the scale.
        title: What the chart shows.
    """
    told = [(found.found.low, found.found.high) for found in compared]
    values = [
        0.0,
        *(v for found in compared for v in found.differences.values()),
        *(v for b in told for v in b),
    ]
    canvas, across = rows_canvas([found.other for found in compared], values, below, title)
    canvas.line((across(0), TOP), (across(0), TOP + ROW * len(compared)), "axis")
    for row, found in enumerate(compared):
        for number, value in found.differences.items():
            said = f"{found.first} less {found.other}, pair {number}: {value:+.1f}"
            canvas.dot((across(value), middle(row)), "point", said, 2.5)
        at = across(found.found.difference)
        canvas.line((at, middle(row) - 7), (at, middle(row) + 7), "mean")
        if math.isfinite(found.found.low):
            low, high = across(found.found.low), across(found.found.high)
            canvas.line((low, middle(row)), (high, middle(row)), "interval")
    return canvas.svg()
