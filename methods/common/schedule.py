"""Learning-rate schedules: the factor on an optimiser's base rate at each step."""

from __future__ import annotations

import math


def cosine(step: int, steps: int, floor: float) -> float:
    """Returns floor + (1 - floor) (1 + cos(pi step / steps)) / 2 for step = 0 .. steps - 1.

    The end of the cosine is not reached. There is no warm-up. The rate changes once a step, as in CTP's
    released training loop.

    Args:
        step: The step, from 0.
        steps: The number of steps.
        floor: The final rate over the initial rate, in [0, 1].
    """
    return floor + (1 - floor) * (1 + math.cos(math.pi * step / steps)) / 2


def warmup_constant(step: int, steps: int, warmup: float, *, from_zero: bool = False) -> float:
    """Returns a factor that rises linearly over the first int(``warmup`` steps) steps and is 1 afterwards.

    The rise is (step + 1) / (rising steps + 1). transformers' schedule of that name, which VQACL's code uses,
    is at step / (rising steps): its first step, one in ten of a short phase, moves nothing.

    Args:
        step: The step, from 0.
        steps: The number of steps.
        warmup: The share of the steps that rise.
        from_zero: Whether the rise is transformers'.
    """
    rising = int(warmup * steps)
    if from_zero:
        return min(1.0, step / rising) if rising else 1.0
    return min(1.0, (step + 1) / (rising + 1))


def warmup_cosine(step: int, steps: int, warmup: float, floor: float) -> float:
    """Returns a factor that rises linearly and then falls along a cosine.

    It is (step + 1) / (w + 1) for the first w = int(warmup * steps) steps, then a cosine from 1 to ``floor``
    whose end is not reached. The rate changes once a step, as in CLAP4CLIP's released training loop.

    Args:
        step: The step, from 0.
        steps: The number of steps.
        warmup: The share of the steps that rise.
        floor: The final rate over the base rate.
    """
    rising = int(warmup * steps)
    if step < rising:
        return (step + 1) / (rising + 1)
    return cosine(step - rising, steps - rising, floor)
