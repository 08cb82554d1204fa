"""Curves over tasks, with bands over pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .canvas import Canvas
from .frame import BOTTOM, TOP, draw_frame, over_tasks
from .scale import Scale

MOST = 7
"""The most curves of one chart: everybody can tell as many colours apart."""

_HEIGHT = 230


@dataclass(frozen=True)
class Curve:
    """A method's curve.

    Attributes:
        label: The method's name.
        mean: (T,), the mean over pairs after each task.
        deviation: (T,), the sample standard deviation over pairs; NaN where there is one pair.
    """

    label: str
    mean: np.ndarray
    deviation: np.ndarray


def draw_curves(curves: Sequence[Curve], label: str, most: float = 100.0) -> str:
    """Draws curves over tasks as SVG, each with a band of one standard deviation to either side.

    Args:
        curves: One to :data:`MOST` curves. The n-th has the colour n.
        label: The labels of the axes.
        most: The largest value that there can be, at which bands end: 100 percent, or 180 degrees.
    """
    ends = [edge for curve in curves for edge in (curve.mean, *_edges(curve, most))]
    tasks = max(len(curve.mean) for curve in curves)
    up = Scale.around(np.concatenate(ends), _HEIGHT - BOTTOM, TOP)
    across, canvas = over_tasks(tasks), Canvas(_HEIGHT, f"{label}: {', '.join(c.label for c in curves)}")
    draw_frame(canvas, across, up, tasks, label)
    for number, curve in enumerate(curves):
        low, high = _edges(curve, most)
        edge = [*_points(across, up, low), *reversed(_points(across, up, high))]
        canvas.path(edge, f"band f{number}", closed=True)
    for number, curve in enumerate(curves):
        points = _points(across, up, curve.mean)
        canvas.path(points, f"curve c{number}")
        for task, at in enumerate(points, 1):
            said = f"{curve.label}, after task {task}: {curve.mean[task - 1]:.1f}"
            canvas.dot(at, f"f{number}", said, 2)
    return canvas.svg()


def _edges(curve: Curve, most: float) -> tuple[np.ndarray, np.ndarray]:
    """The band's edges, within 0 .. ``most``."""
    return tuple(np.clip(curve.mean + sign * curve.deviation, 0, most) for sign in (-1, 1))


def _points(across: Scale, up: Scale, values: np.ndarray) -> list[tuple[float, float]]:
    if not np.isfinite(values).all():
        return []
    return [(across(task), up(float(value))) for task, value in enumerate(values, 1)]
