"""Draws each pair's figures: a dot for each method, joined from method to method."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...statistics.summary import Summary
from .rows import middle, rows_canvas


def draw_pairs(
    methods: Sequence[tuple[str, Mapping[int, float], Summary | None]], below: str, title: str
) -> str:
    """Draws each pair's figures as SVG: a row for each method, a dot for each pair, and a thin line that
    joins a pair's dots. A mean has a stroke, and its interval a line.

    Args:
        methods: A method's label, pair -> figure, and their summary; None without figures.
        below: The label below the scale.
        title: What the chart shows.
    """
    values = [value for _, figures, _ in methods for value in figures.values()]
    canvas, across = rows_canvas([label for label, _, _ in methods], values, below, title)
    numbers = sorted({number for _, figures, _ in methods for number in figures})
    for number in numbers:
        points = [
            (across(figures[number]), middle(row))
            for row, (_, figures, _) in enumerate(methods)
            if number in figures
        ]
        canvas.path(points, "join")
    for row, (label, figures, told) in enumerate(methods):
        for number, value in figures.items():
            canvas.dot((across(value), middle(row)), "point", f"{label}, pair {number}: {value:.1f}", 2.5)
        if told is not None:
            at = across(told.mean)
            canvas.line((at, middle(row) - 7), (at, middle(row) + 7), "mean")
            if told.n > 1:
                ends = max(told.low, across.low), min(told.high, across.high)
                canvas.line((across(ends[0]), middle(row)), (across(ends[1]), middle(row)), "interval")
    return canvas.svg()
