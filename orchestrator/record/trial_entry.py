"""One trial of a sweep."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class TrialEntry:
    """One trial of a sweep.

    Attributes:
        id: The trial's id.
        number: The trial's number, from 0.
        values: Its searched values.
        reports: Its metrics after each finished task.
        status: ``running``, ``finished`` (the whole stream), ``stopped`` (by the scheduler) or ``failed``.
        reason: Why it failed.
        infeasible: Whether its own values made it fail, see :class:`~orchestrator.execution.job.Outcome`.
        verdicts: Tasks done -> whether the search let the trial go on.
    """

    id: str
    number: int
    values: dict[str, Any]
    reports: list[dict[str, float]] = field(default_factory=list)
    status: str = "running"
    reason: str = ""
    verdicts: dict[int, bool] = field(default_factory=dict)
    infeasible: bool = False
