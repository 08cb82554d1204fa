"""The lines that a run prints of its trials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..streams.shown_task import shown_task
from .task_seconds import task_seconds
from .trial_entry import TrialEntry


class ProgressLines:
    """The lines of progress of a run's trials.

    Args:
        trials: How many trials are to come; 0: nobody knows.
        names: The tasks' names, in order.
        objective: The metric that a task's line begins with.
    """

    def __init__(self, trials: int, names: Sequence[str], objective: str) -> None:
        self._trials = trials
        self._names = names
        self._objective = objective

    def started(self, entry: TrialEntry, values: Mapping[str, Any], *, again: bool) -> str:
        """The line on a trial that begins.

        Args:
            entry: The trial.
            values: Dotted key -> the values of the trial that are shown.
            again: Whether it was under way before, and is resumed.
        """
        shown = "  ".join(f"{key.removeprefix('method.')}={_short(value)}" for key, value in values.items())
        return f"{self._trial(entry)} {'goes on' if again else 'starts'}  {shown}"

    def task(self, entry: TrialEntry, report: Mapping[str, float], value: float | None) -> str:
        """The line on a finished task.

        Args:
            entry: The trial.
            report: The task's report.
            value: The objective; None where it was not measured.
        """
        done = int(report["task"])
        parts = [f"{self._objective} {value:.1f}" if value is not None else ""]
        for key, name in (("validation/average", "average"), ("validation/forgetting", "forgetting")):
            if key in report and key != self._objective:
                parts.append(f"{name} {round(report[key], 1) + 0.0:.1f}")  # + 0.0: no -0.0
        return (
            f"{self._trial(entry)} task {done}/{len(self._names)} {shown_task(self._names[done - 1])}: "
            f"{'  '.join(filter(None, parts))}  ({task_seconds(report):.1f} s)"
        )

    def ended(self, entry: TrialEntry, status: str, reason: str) -> str:
        """The line on a trial that has ended.

        Args:
            entry: The trial.
            status: ``finished``, ``stopped`` (by the scheduler) or ``failed``.
            reason: Why it failed, in one line; empty where it did not.
        """
        return f"{self._trial(entry)} {status}{': ' + reason if reason else ''}"

    def _trial(self, entry: TrialEntry) -> str:
        of = f"/{max(self._trials, entry.number + 1)}" if self._trials else ""
        return f"trial {entry.number + 1}{of}"


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
