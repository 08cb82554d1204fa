"""Divides a capacity into whole shares."""

from __future__ import annotations

import numpy as np


def quota(capacity: int, weights: np.ndarray, limits: np.ndarray) -> np.ndarray:
    """Divides ``capacity`` into whole shares proportional to ``weights``, none of them above its limit.

    Other groups take what a group cannot use. The remainder goes to the groups of the largest fractions, the
    lower index first.

    Args:
        capacity: The number of units that are shared out, at least 0.
        weights: (G,), each above 0.
        limits: int (G,), the largest share of each group.

    Returns:
        int64 (G,), shares whose sum is ``min(capacity, limits.sum())``.
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
