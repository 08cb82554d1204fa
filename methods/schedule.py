"""Learning-rate schedules: the factor on an optimiser's base rate, step by step."""

from __future__ import annotations

import math


def cosine(step: int, steps: int, floor: float) -> float:
    """floor + (1 - floor) (1 + cos(pi step / steps)) / 2 for step = 0 .. steps - 1: the end is not reached.

    No warm-up; once a step, as CTP's released training loop does. ``floor``: final over initial rate, in [0,
    1].
    """
    return floor + (1 - floor) * (1 + math.cos(math.pi * step / steps)) / 2
