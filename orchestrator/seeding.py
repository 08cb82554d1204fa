"""Seeds for every place that draws random numbers."""

from __future__ import annotations

import random

import numpy as np


def derive(*parts: int) -> int:
    """A 63-bit seed that is a pure function of ``parts`` (run seed, task, rank ...), each in 0 .. 2**64 -
    1. Zeros at the end do not count: NumPy takes (3, 0) for (3,).
    """
    return int(np.random.SeedSequence(list(parts)).generate_state(1, np.uint64)[0] >> np.uint64(1))


def seed_everything(*parts: int) -> None:
    """Seeds Python's, NumPy's and torch's global generators (all devices) from ``parts``."""
    import torch

    seed = derive(*parts)
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)
