"""The course of the learning rate in pretraining."""

from __future__ import annotations

import math


def warm_cosine(step: int, steps: int) -> float:
    """The factor on the highest rate at step 0 .. steps - 1: up for a tenth of the steps, then down to 0
    along a cosine.
    """
    warm_up = max(steps // 10, 1)
    if step < warm_up:
        return (step + 1) / warm_up
    return (1 + math.cos(math.pi * (step - warm_up) / max(steps - warm_up, 1))) / 2
