"""What a task spent of a search's time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SPENT = ("seconds/train", "seconds/evaluate")
"""The metrics of a task's report whose seconds count: neither starting up, nor waiting, nor checkpoints."""


def spent_hours(report: Mapping[str, Any], *, of_gpus: bool = False) -> float:
    """The hours of a task's training and evaluation.

    Args:
        report: The task's report. A figure that it lacks counts as 0.
        of_gpus: Whether GPU-hours are asked for: the hours times the GPUs that the trial held.
    """
    seconds = sum(float(report.get(stage, 0.0)) for stage in SPENT)
    return (float(report.get("gpus", 0.0)) if of_gpus else 1.0) * seconds / 3600
