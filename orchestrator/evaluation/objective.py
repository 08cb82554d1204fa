"""The objective by which runs are compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Objective:
    """The objective of a sweep.

    Attributes:
        metric: A metric that is reported after each task.
        mode: Whether a higher value (``max``) or a lower one (``min``) is better.
        margin: How much of the metric, in its unit, the choice of a trial gives up for a smaller replay
            memory, where ``replay.size`` is searched.
    """

    metric: str
    mode: Literal["max", "min"]
    margin: float = 0.0
