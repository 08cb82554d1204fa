"""Learning-rate schedule with a linear warm-up."""

from __future__ import annotations

from methods.schedule import cosine


def warmup_cosine(step: int, steps: int, warmup: float, floor: float) -> float:
    """(step + 1) / (w + 1) for the first w = int(warmup * steps) steps, then a cosine from 1 to ``floor``
    whose end is not reached, once a step, as CLAP4CLIP's released training loop does.
    """
    rising = int(warmup * steps)
    if step < rising:
        return (step + 1) / (rising + 1)
    return cosine(step - rising, steps - rising, floor)
