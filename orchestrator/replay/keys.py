"""Random numbers that are a pure function of what they belong to."""

from __future__ import annotations

import numpy as np

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def keys(*parts: int | np.ndarray) -> np.ndarray:
    """uint64, uniform, broadcast over ``parts`` (integers >= 0, or arrays of them): equal parts give equal
    keys.

    Part after part picks one number of the SplitMix64 generator (Steele, Lea and Flood 2014) that starts at
    the key so far, so that no state is kept: ``keys(seed, rows)`` is the same on all ranks, in all trials,
    after every restart. For one seed it is a bijection of 64-bit rows, so distinct rows never tie.
    """
    key = np.zeros((), np.uint64)
    with np.errstate(over="ignore"):
        for part in parts:
            key = _mix(key + _GOLDEN * (np.asarray(part).astype(np.uint64) + np.uint64(1)))
    return key


def _mix(z: np.ndarray) -> np.ndarray:
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
