"""The course of a trial of a search."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class TrialCurve:
    """A trial of a search, task by task.

    Attributes:
        id: The trial's id.
        status: ``finished``, ``stopped``, ``failed`` or ``running``.
        curve: The objective on validation data after each finished task; None where it has none.
        chosen: Whether the search chose the trial.
        cost: Its costs (:func:`~orchestrator.report.run_cost.run_cost`); empty where it finished no task.
        reason: Why it failed, in one line; empty where it did not.
    """

    id: str
    status: str
    curve: tuple[float | None, ...]
    chosen: bool = False
    reason: str = ""
    cost: Mapping[str, float] = field(default_factory=dict)
