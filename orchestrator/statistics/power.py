"""How large a difference has to be for n pairs to show it."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from scipy.special import stdtrit

from orchestrator.statistics.reach import pairs_needed
from orchestrator.statistics.signed_rank import lower_tail

_STUDIES = 20_000  # simulated ones; a chance is then right to 0.3 in a hundred
_NUMBERS = 4_000_000  # at once in memory


def detectable_difference(
    n: int,
    deviation: float,
    *,
    comparisons: int = 1,
    power: float = 0.8,
    alpha: float = 0.05,
    confidence: float = 0.95,
) -> float:
    """Computes the true difference that a share ``power`` of studies would show.

    Studies are simulated with normal differences and judged as
    :meth:`~orchestrator.statistics.paired_comparison.PairedComparison.shows` judges: by the exact test
    and the interval.

    Args:
        n: The number of pairs, at least 1.
        deviation: The standard deviation of the differences, at least 0. A deviation that was measured over
            few pairs is itself uncertain: at n = 8 by a quarter.
        comparisons: The comparisons of the table. Each has to stand the strictest step of Holm's correction,
            ``alpha / comparisons``.
        power: Between 0 and 1.
        alpha: The level, between 0 and 1.
        confidence: The interval's, between 0 and 1.

    Returns:
        The difference in the unit of ``deviation``; infinite where n pairs can show none.

    Raises:
        ValueError: An argument is out of its range.
    """
    if not 0 < power < 1:
        raise ValueError(f"power {power}: allowed is a number between 0 and 1")
    shifts = _shifts(n, deviation, comparisons, alpha, confidence)
    return math.inf if shifts is None else deviation * max(0.0, float(np.quantile(shifts, power)))


def chance_to_show(
    n: int,
    difference: float,
    deviation: float,
    *,
    comparisons: int = 1,
    alpha: float = 0.05,
    confidence: float = 0.95,
) -> float:
    """Computes the share of studies that would show a true difference, with its right sign: the test's power.

    Args:
        n: As of :func:`detectable_difference`.
        difference: The true difference, at least 0.
        deviation: The standard deviation of the differences, above 0.
        comparisons: As of :func:`detectable_difference`.
        alpha: As of :func:`detectable_difference`.
        confidence: As of :func:`detectable_difference`.

    Returns:
        0 .. 1.

    Raises:
        ValueError: An argument is out of its range.
    """
    if not (difference >= 0 and deviation > 0):
        raise ValueError(f"difference {difference}, deviation {deviation}: allowed are at least 0, above 0")
    shifts = _shifts(n, deviation, comparisons, alpha, confidence)
    return 0.0 if shifts is None else float((shifts <= difference / deviation).mean())


def _shifts(n: int, deviation: float, comparisons: int, alpha: float, confidence: float) -> np.ndarray | None:
    """The smallest shift that each simulated study shows; None where n pairs can show nothing."""
    if n < 1 or not 0 <= deviation < math.inf:
        raise ValueError(f"n = {n}, deviation {deviation}: allowed are at least 1, and finite from 0 on")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence {confidence}: allowed is a number between 0 and 1")
    if n < pairs_needed(comparisons, alpha=alpha):
        return None
    return _smallest_shifts(n, alpha / comparisons, confidence)


@lru_cache(maxsize=64)
def _smallest_shifts(n: int, level: float, confidence: float) -> np.ndarray:
    """(studies,), in standard deviations: the shift from which on a study's differences pass test and
    interval.

    They pass with every larger shift, too. The sum of the ranks below 0 is the number of means of two
    differences, each with itself too, that lie below 0 (Tukey 1949). A sum of at most c passes. Therefore all
    means except the c lowest ones have to be shifted above 0.
    """
    passing = 2 * lower_tail(tuple(range(1, n + 1))) <= level
    c = int(np.flatnonzero(passing)[-1])
    first, second = np.triu_indices(n)
    draw = np.random.default_rng(0)
    half = float(stdtrit(n - 1, (1 + confidence) / 2)) / math.sqrt(n)
    shifts: list[np.ndarray] = []
    rows = max(1, _NUMBERS // len(first))
    for start in range(0, _STUDIES, rows):
        studies = draw.standard_normal((min(rows, _STUDIES - start), n))
        means = (studies[:, first] + studies[:, second]) / 2
        by_test = -np.partition(means, c, axis=1)[:, c]
        by_interval = half * studies.std(axis=1, ddof=1) - studies.mean(axis=1)
        shifts.append(np.maximum(by_test, by_interval))
    return np.concatenate(shifts)
