"""One trial of a sweep."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class TrialEntry:
    """One trial: its searched ``values``, its ``reports`` (one a finished task) and how it stands.

    ``status``: ``running``, ``finished`` (the whole stream), ``stopped`` (by the scheduler) or ``failed``
    (``reason``). ``verdicts``: tasks done -> whether the search let it go on.
    """

    id: str
    number: int
    values: dict[str, Any]
    reports: list[dict[str, float]] = field(default_factory=list)
    status: str = "running"
    reason: str = ""
    verdicts: dict[int, bool] = field(default_factory=dict)
