"""Learning-rate schedules: the factor on an optimiser's base rate, step by step."""

from __future__ import annotations

import math


def cosine(step: int, steps: int, floor: float) -> float:
    """floor + (1 - floor) (1 + cos(pi step / steps)) / 2 for step = 0 .. steps - 1: the end is not reached.

    No warm-up; once a step, as CTP's released training loop does. ``floor``: final over initial rate, in [0,
    1].
    """
    return floor + (1 - floor) * (1 + math.cos(math.pi * step / steps)) / 2


def warmup_constant(step: int, steps: int, warmup: float) -> float:
    """A linear rise over the first int(``warmup`` steps) of ``steps`` steps, then 1.

    The rise is (step + 1) / (rising steps + 1). transformers' schedule of that name, which VQACL's code uses,
    is at step / (rising steps): its first step, one in ten of a short phase, moves nothing.
    """
    rising = int(warmup * steps)
    return min(1.0, (step + 1) / (rising + 1))


def warmup_cosine(step: int, steps: int, warmup: float, floor: float) -> float:
    """(step + 1) / (w + 1) for the first w = int(warmup * steps) steps, then a cosine from 1 to ``floor``
    whose end is not reached, once a step, as CLAP4CLIP's released training loop does.
    """
    rising = int(warmup * steps)
    if step < rising:
        return (step + 1) / (rising + 1)
    return cosine(step - rising, steps - rising, floor)
