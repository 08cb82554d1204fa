"""Draws rows with a name at the left and a scale below them."""

from __future__ import annotations

from collections.abc import Iterable

from .canvas import WIDTH, Canvas
from .scale import Scale

LEFT, ROW, TOP = 108, 24, 6
"""Room for names, the height of a row, and room above the first one."""

_LONGEST = 17  # letters of a name for which there is room


def rows_canvas(labels: list[str], values: Iterable[float], below: str, title: str) -> tuple[Canvas, Scale]:
    """A canvas with a named row for each label, and the scale of its values.

    Args:
        labels: The rows' names, from above.
        values: All values that are to be drawn.
        below: The label of the scale.
        title: What the chart shows.
    """
    foot = TOP + ROW * len(labels)
    canvas, across = Canvas(foot + 34, title), Scale.around(values, LEFT, WIDTH - 12)
    for tick in across.ticks():
        canvas.line((across(tick), TOP), (across(tick), foot), "grid")
        canvas.text((across(tick), foot + 14), f"{tick:g}", "small")
    canvas.text(((LEFT + WIDTH) / 2, foot + 29), below, "small")
    for row, label in enumerate(labels):
        name = label if len(label) <= _LONGEST else f"{label[: _LONGEST - 1]}…"
        canvas.text((LEFT - 8, middle(row) + 4), name, "small", "end")
    return canvas, across


def middle(row: int) -> float:
    """The height at which a row's middle lies."""
    return TOP + ROW * (row + 0.5)
