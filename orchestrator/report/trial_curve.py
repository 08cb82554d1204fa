"""The course of a trial of a search."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TrialCurve:
    """A trial of a search, task by task.

    Attributes:
        id: The trial's id.
        status: ``finished``, ``stopped``, ``failed`` or ``running``.
        curve: The objective on validation data after each finished task; None where it has none.
        chosen: Whether the search chose the trial.
        reason: Why it failed, in one line; empty where it did not.
    """

    id: str
    status: str
    curve: tuple[float | None, ...]
    chosen: bool = False
    reason: str = ""
