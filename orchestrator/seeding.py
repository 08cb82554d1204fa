"""Seeds for every place that draws random numbers."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

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


@contextmanager
def seeded(*parts: int) -> Iterator[None]:
    """Within the block the global generators are as :func:`seed_everything` leaves them. Their earlier states
    come back at its end.
    """
    import torch

    python, numpy = random.getstate(), np.random.get_state()
    with torch.random.fork_rng():
        try:
            seed_everything(*parts)
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)


_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def hashed(*parts: int | np.ndarray) -> np.ndarray:
    """Random numbers that follow from values: uint64, uniform, broadcast over ``parts`` (integers >= 0, or
    arrays of them). Equal parts give equal numbers.

    Part after part picks one number of the SplitMix64 generator (Steele, Lea and Flood 2014) that starts at
    the number so far, so that no state is kept: ``hashed(seed, rows)`` is the same on all ranks, in all
    trials, after every restart. For one seed it is a bijection of 64-bit rows, so distinct rows never tie.
    """
    number = np.zeros((), np.uint64)
    with np.errstate(over="ignore"):
        for part in parts:
            number = _mix(number + _GOLDEN * (np.asarray(part).astype(np.uint64) + np.uint64(1)))
    return number


def _mix(z: np.ndarray) -> np.ndarray:
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


VIEWS_SEED = 1


def view_seeds(numbers: np.ndarray, view: np.ndarray | int) -> np.ndarray:
    """uint64: the seeds from which the augmentation of a view is drawn.

    Neither a run's seed nor a stream's order is part of them, so that encoded views serve all runs.

    Args:
        numbers: int (n,), the pictures' numbers in their data set.
        view: The number of the view, 0 .. V - 1, broadcast over ``numbers``.
    """
    return hashed(VIEWS_SEED, numbers, view)
