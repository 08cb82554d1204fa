"""The frame of a chart: axes, grid and their numbers."""

from __future__ import annotations

from .canvas import WIDTH, Canvas
from .scale import Scale

LEFT, RIGHT, TOP, BOTTOM = 40, 10, 8, 34
"""Room at the sides of a chart, for numbers and names."""


def draw_frame(canvas: Canvas, across: Scale, up: Scale, tasks: int, label: str) -> None:
    """Draws the frame of a chart over tasks.

    Args:
        canvas: The canvas on which it is drawn.
        across: The scale of tasks, from 1.
        up: The scale of the figures.
        tasks: How many tasks there are.
        label: The label of the figures.
    """
    for tick in up.ticks():
        canvas.line((LEFT, up(tick)), (WIDTH - RIGHT, up(tick)), "grid")
        canvas.text((LEFT - 5, up(tick) + 4), f"{tick:g}", "small", "end")
    every = max(1, -(-tasks // 10))
    for task in range(1, tasks + 1, every):
        canvas.text((across(task), up.start + 14), str(task), "small")
    canvas.line((LEFT, up.start), (WIDTH - RIGHT, up.start), "axis")
    canvas.text(((LEFT + WIDTH - RIGHT) / 2, up.start + 29), label, "small")


def over_tasks(tasks: int) -> Scale:
    """The scale of a chart over tasks, from 1."""
    return Scale(1, max(tasks, 2), LEFT + 8, WIDTH - RIGHT - 8)
