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
    """

    metric: str
    mode: Literal["max", "min"]
