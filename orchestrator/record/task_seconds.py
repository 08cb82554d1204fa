"""What a task took."""

from __future__ import annotations

from collections.abc import Mapping

_STAGES = ("train", "evaluate", "checkpoint")


def task_seconds(report: Mapping[str, float]) -> float:
    """The seconds of a task's training, evaluation and checkpoint, by its report; 0 of what it does not have.
    What it waited for data is a part of its training.
    """
    return sum(float(report.get(f"seconds/{stage}", 0.0)) for stage in _STAGES)
