"""Wilcoxon's signed-rank test, exact for any number of pairs, with ties and zeros."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np


@dataclass(frozen=True)
class SignedRank:
    """The result of the test.

    Args:
        p: Two-sided, above 0 and up to 1: how often random signs lead at least as far from balance.
        rank_biserial: The matched-pairs rank-biserial correlation, -1 .. 1: the sum of the ranks of
            differences above 0 minus that of those below 0, divided by the sum of both. 1: all are above 0.
        differing: How many differences are not 0.
    """

    p: float
    rank_biserial: float
    differing: int


def signed_rank(differences: Sequence[float], *, tolerance: float = 0.0) -> SignedRank:
    """Tests whether differences lie around 0. Wilcoxon (Biometrics Bulletin 1945); Kerby (Comprehensive
    Psychology 2014) for the correlation.

    p is exact: all 2^m signs of the m differences that are not 0 are equally likely, and are counted. Equal
    sizes share the mean of their ranks, and the count goes over these shared ranks. Differences of 0 take the
    lowest ranks and are then left out (Pratt, JASA 1959). Therefore they weaken the test, as they should.
    Were they left out beforehand, one more pair that agrees could lower p. Without ties and zeros the result
    is that of ``scipy.stats.wilcoxon``. With them it is that of its ``zero_method="pratt"`` over all
    permutations.

    Args:
        differences: (n,), at least one, finite.
        tolerance: Sizes are equal where they lie within this of each other, and 0 where they are at most
            this. In this way rounding does not tell equal differences apart.

    Returns:
        The result; p is 1 and the correlation 0 where all differences are 0.
    """
    values = np.asarray(differences, dtype=float)
    doubled = _doubled_ranks(np.abs(values), tolerance)
    above, below = values > tolerance, values < -tolerance
    counted = np.sort(doubled[above | below])
    if not len(counted):
        return SignedRank(1.0, 0.0, 0)
    more, less = int(doubled[above].sum()), int(doubled[below].sum())
    tail = lower_tail(tuple(counted.tolist()))
    p = min(1.0, 2 * float(tail[min(more, less)]))
    return SignedRank(p, (more - less) / (more + less), len(counted))


@lru_cache(maxsize=64)
def lower_tail(ranks: tuple[int, ...]) -> np.ndarray:
    """Computes how likely a sum of ranks is that small, where each counts with probability 1/2.

    Args:
        ranks: Whole numbers above 0. For shared ranks, twice the rank is whole.

    Returns:
        (sum(ranks) + 1,), at s the probability of a sum of at most s. It must not be written to.
    """
    chance = np.zeros(sum(ranks) + 1)
    chance[0] = 1.0
    for rank in ranks:
        chance[rank:] += chance[:-rank]
        chance /= 2
    tail = np.cumsum(chance)
    tail.flags.writeable = False
    return tail


def _doubled_ranks(sizes: np.ndarray, tolerance: float) -> np.ndarray:
    """(n,): twice each size's rank, counted from 1; equal sizes share the mean of theirs."""
    order = np.argsort(sizes, kind="stable")
    new = np.diff(sizes[order], prepend=-np.inf) > tolerance
    group = np.cumsum(new) - 1
    first = np.flatnonzero(new)
    last = np.append(first[1:], len(sizes)) - 1
    doubled = np.empty(len(sizes), dtype=int)
    doubled[order] = (first + last + 2)[group]
    return doubled
