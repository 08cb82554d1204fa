"""Tells the user of a run's trials."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .progress_lines import ProgressLines
from .run_progress import RunProgress
from .trial_entry import TrialEntry


class Progress:
    """Tells the user of a run's trials: a line for each event, and how far the trials are.

    Args:
        lines: The lines.
        run_progress: How far the trials are.
        say: Takes a line of progress.
        live: Takes in one line how far the trials are, whenever that changes.
    """

    def __init__(
        self,
        lines: ProgressLines,
        run_progress: RunProgress,
        say: Callable[[str], None],
        live: Callable[[str], None],
    ) -> None:
        self._lines = lines
        self._run_progress = run_progress
        self._say = say
        self._live = live

    def started(self, entry: TrialEntry, values: Mapping[str, Any], *, again: bool) -> None:
        """A trial begins, or goes on where ``again``."""
        self._run_progress.hear(entry)
        self._tell(self._lines.started(entry, values, again=again))

    def task(self, entry: TrialEntry, report: Mapping[str, float], value: float | None) -> None:
        """A trial has finished a task. The arguments are those of :meth:`.ProgressLines.task`."""
        self._run_progress.hear(entry, report)
        self._tell(self._lines.task(entry, report, value))

    def ended(self, entry: TrialEntry, status: str, reason: str) -> None:
        """Tells that a trial has ended.

        Args:
            entry: The trial.
            status: ``finished``, ``stopped`` (by the scheduler) or ``failed``.
            reason: Why it failed, in one line; empty where it did not.
        """
        self._tell(self._lines.ended(entry, status, reason))

    def _tell(self, line: str) -> None:
        self._say(line)
        self._live(self._run_progress.text())
