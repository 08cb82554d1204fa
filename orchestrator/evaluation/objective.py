"""What runs are compared by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Objective:
    """What a sweep looks for: a metric reported after each task, and whether more (``max``) or less
    (``min``) is better."""

    metric: str
    mode: Literal["max", "min"]
