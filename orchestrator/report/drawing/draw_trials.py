"""Draws the trials of a search over tasks, with the task at which each ended."""

from __future__ import annotations

from collections.abc import Sequence

from ..trial_curve import TrialCurve
from .canvas import Canvas
from .frame import BOTTOM, TOP, draw_frame, over_tasks
from .scale import Scale

MOST = 100
"""The most trials that are drawn."""

_HEIGHT = 170


def draw_trials(trials: Sequence[TrialCurve], label: str, title: str) -> str:
    """Draws trials as SVG: a line over tasks for each, with an x at the task where it was stopped or failed.

    The chosen trial is drawn last, and thick. Where there are more than :data:`MOST` trials, the chosen one
    and the first others are drawn. Missing values interrupt a line.

    Args:
        trials: The trials.
        label: The labels of the axes.
        title: What the chart shows.
    """
    drawn = sorted(trials, key=lambda trial: not trial.chosen)[:MOST]
    values = [value for trial in drawn for value in trial.curve if value is not None]
    tasks = max((len(trial.curve) for trial in drawn), default=1)
    up, across, canvas = (
        Scale.around(values, _HEIGHT - BOTTOM, TOP),
        over_tasks(tasks),
        Canvas(_HEIGHT, title),
    )
    draw_frame(canvas, across, up, tasks, label)
    for trial in reversed(drawn):
        points = [(across(t), up(v)) for t, v in enumerate(trial.curve, 1) if v is not None]
        kind = "chosen" if trial.chosen else "trial"
        canvas.path(points, kind)
        if not points:
            continue
        if trial.status in ("stopped", "failed"):
            canvas.cross(points[-1], trial.status)
        last = next(value for value in reversed(trial.curve) if value is not None)
        said = f"{trial.id}: {trial.status} after task {len(trial.curve)}, {last:.1f}"
        canvas.dot(points[-1], f"{kind}-end", said, 2)
    return canvas.svg()
