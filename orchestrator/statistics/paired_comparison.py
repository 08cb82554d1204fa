"""Two methods over the same pairs of seed and order: the difference, its interval, test and size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from orchestrator.statistics.reach import pairs_needed
from orchestrator.statistics.signed_rank import signed_rank
from orchestrator.statistics.summary import summarise

# Figures are sums of many rounded numbers. Those that differ by less than this part of the largest are equal.
_ROUNDING = 1e-9


@dataclass(frozen=True)
class PairedComparison:
    """The comparison of two methods over n pairs, in the figures' own unit. The difference is the first minus
    the second.

    Args:
        n: The number of pairs.
        difference: The mean of the differences.
        deviation: Their sample standard deviation (divisor n - 1). NaN for one pair.
        low: The lower end of the mean's interval. NaN for one pair.
        high: The upper end.
        confidence: How often such an interval holds the true difference, 0 .. 1. No correction widens it.
        p: The p of Wilcoxon's test, two-sided and exact, before any correction.
        rank_biserial: The effect size: the matched-pairs rank-biserial correlation, -1 .. 1.
        differing: In how many pairs the two methods differ at all.
    """

    n: int
    difference: float
    deviation: float
    low: float
    high: float
    confidence: float
    p: float
    rank_biserial: float
    differing: int

    def can_show(self, comparisons: int = 1, *, alpha: float = 0.05) -> bool:
        """Says whether so many pairs can show a difference in a table of so many comparisons: n is at least
        :func:`~orchestrator.statistics.reach.pairs_needed`, 6 for one comparison.
        """
        return self.n >= pairs_needed(comparisons, alpha=alpha)

    def shows(self, corrected_p: float | None = None, *, alpha: float = 0.05) -> bool:
        """Says whether a difference is shown: p is at most ``alpha``, and the interval does not hold 0.

        The test decides. The interval may hold 0 beside a small p where one pair lies far from the others; a
        sentence with both would contradict itself, and nothing is claimed then.

        Args:
            corrected_p: p after the table's correction. None: the comparison is the only one.
            alpha: The level.
        """
        p = self.p if corrected_p is None else corrected_p
        return p <= alpha and (self.low > 0 or self.high < 0)


def compare_pairs(a: Sequence[float], b: Sequence[float], *, confidence: float = 0.95) -> PairedComparison:
    """Compares two methods over the same pairs.

    A pair has its own seed and its own order, and is the same for both methods. Therefore what makes it easy
    or hard for both cancels in the difference. The test is Wilcoxon's signed-rank test, as Demsar (JMLR 2006)
    recommends for two methods (:func:`~orchestrator.statistics.signed_rank.signed_rank` says how ties and
    zeros count). The interval is Student's over the differences
    (:func:`~orchestrator.statistics.summary.summarise` says why it is no bootstrap). Nothing is drawn at
    random, so that the same figures give the same numbers.

    Args:
        a: (n,), the first method's figures, at least one, finite. They are independent of each other:
            :func:`~orchestrator.statistics.independent_values.independent_values` reduces a grid to those.
        b: (n,), the second method's figures on the same pairs in the same order.
        confidence: The confidence of the interval, between 0 and 1.

    Raises:
        ValueError: The lengths differ, there are no figures, one is not finite, or ``confidence`` is not
            between 0 and 1.
    """
    first, second = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    if first.shape != second.shape:
        raise ValueError(f"figures of shapes {first.shape} and {second.shape}: allowed are as many of both")
    difference = summarise((first - second).tolist(), confidence=confidence)
    scale = max(float(np.abs(first).max()), float(np.abs(second).max()))
    test = signed_rank((first - second).tolist(), tolerance=_ROUNDING * scale)
    return PairedComparison(
        n=difference.n,
        difference=difference.mean,
        deviation=difference.deviation,
        low=difference.low,
        high=difference.high,
        confidence=confidence,
        p=test.p,
        rank_biserial=test.rank_biserial,
        differing=test.differing,
    )
