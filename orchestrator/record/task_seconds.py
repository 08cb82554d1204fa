"""Computes how long a task took."""

from __future__ import annotations

from collections.abc import Mapping

_STAGES = ("train", "evaluate", "checkpoint")


def task_seconds(report: Mapping[str, float]) -> float:
    """The seconds of a task's training, evaluation and checkpoint, by its report. A part that the report
    lacks counts 0. The wait for data is a part of the training.
    """
    return sum(float(report.get(f"seconds/{stage}", 0.0)) for stage in _STAGES)
