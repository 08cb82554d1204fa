"""Whole shares of a capacity."""

from __future__ import annotations

import numpy as np


def quota(capacity: int, weights: np.ndarray, limits: np.ndarray) -> np.ndarray:
    """int64 (G,): shares of ``capacity`` proportional to ``weights`` (> 0), none above its limit.

    What a group cannot use goes to the others; remainders go to the largest fractions, lower index first.
    The shares sum to ``min(capacity, limits.sum())``.
    """
    shares = np.zeros(len(limits), np.int64)
    left, open_ = capacity, np.ones(len(limits), bool)
    while open_.any():
        fair = left * weights / weights[open_].sum()
        full = open_ & (fair >= limits)
        if not full.any():
            break
        shares[full] = limits[full]
        left -= int(limits[full].sum())
        open_ &= ~full
    if open_.any():
        shares[open_] = np.floor(fair[open_])
        spare = left - int(shares[open_].sum())
        fraction = np.where(open_, fair - np.floor(fair), -1)
        shares[np.argsort(-fraction, kind="stable")[:spare]] += 1
    return shares
