"""States the result of a comparison in one sentence."""

from __future__ import annotations

import math

from orchestrator.statistics.paired_comparison import PairedComparison
from orchestrator.statistics.power import detectable_difference
from orchestrator.statistics.reach import pairs_needed

_POWER = 0.8


def verdict(
    comparison: PairedComparison,
    a: str,
    b: str,
    *,
    over: str = "",
    corrected_p: float | None = None,
    comparisons: int = 1,
    less_is_better: bool = False,
    unit: str = "points",
    condition: str = "with everyone tuned alike",
    cost: str = "",
    alpha: float = 0.05,
) -> str:
    """Says which method is better and by how much, that no difference is shown, or that none can be shown.

    Args:
        comparison: The comparison of a's figures with b's.
        a: The first method's name.
        b: The second method's name.
        over: What the pairs are, such as ``8 seeds and orders``
            (:class:`~orchestrator.statistics.independent_values.IndependentValues`). Empty: the number of
            pairs.
        corrected_p: p after :func:`~orchestrator.statistics.holm.holm`. None: the comparison is the only one.
        comparisons: The comparisons of the table.
        less_is_better: Whether lower figures are better, as for forgetting.
        unit: The unit of the differences. Empty: it is not known.
        condition: The conditions of both methods. Empty: they are not mentioned.
        cost: Memory and compute, such as ``40 replayed samples, and 12 s of training a run of a and 9 s of
            b``. Empty: they are not mentioned.
        alpha: The level, between 0 and 1.

    Returns:
        One sentence without a full stop.

    Raises:
        ValueError: ``comparisons`` is above 1 and ``corrected_p`` is missing.
    """
    if comparisons > 1 and corrected_p is None:
        raise ValueError(f"{comparisons} comparisons without corrected_p: allowed is one, or Holm's p")
    if not comparison.can_show(comparisons, alpha=alpha):
        return f"{a} and {b}: no difference can be shown ({_why_not(comparison.n, comparisons, alpha)})"
    if not comparison.shows(corrected_p, alpha=alpha):
        return f"{a} and {b}: no difference shown ({_seen(comparison, comparisons, unit, alpha)})"
    sign = -1 if less_is_better else 1
    gain, low, high = (sign * value for value in (comparison.difference, comparison.low, comparison.high))
    winner, loser = (a, b) if gain > 0 else (b, a)
    size, *ends = abs(gain), *sorted((abs(low), abs(high)))
    digits = _digits(max((ends[1] - ends[0]) / 2, size / 100))
    told = [f"{value:.{digits}f}" for value in (size, *ends)]
    before, after = (f"{condition}, " if condition else ""), (f", for {cost}" if cost else "")
    return (
        f"{before}{winner} beats {loser} by {_of(told[0], unit)} ({_percent(comparison.confidence)} interval "
        f"{told[1]} to {told[2]}, paired over {over or f'{comparison.n} pairs'}){after}"
    )


def _why_not(n: int, comparisons: int, alpha: float) -> str:
    among = f" with {comparisons} comparisons" if comparisons > 1 else ""
    below = f"{_percent(alpha)} below {pairs_needed(comparisons, alpha=alpha)} pairs"
    return f"n = {n}: the test{among} cannot reach {below}, whatever the figures are"


def _seen(comparison: PairedComparison, comparisons: int, unit: str, alpha: float) -> str:
    """Says which difference would have been seen."""
    if not comparison.differing:
        return f"n = {comparison.n}; the figures are the same in all pairs"
    least = detectable_difference(
        comparison.n,
        comparison.deviation,
        comparisons=comparisons,
        power=_POWER,
        alpha=alpha,
        confidence=comparison.confidence,
    )
    return (
        f"n = {comparison.n}; a difference of {_of(_two_digits_up(least), unit)} would have been seen in "
        f"{_percent(_POWER)} of such studies"
    )


def _of(number: str, unit: str) -> str:
    return f"{number} {unit}".rstrip()


def _digits(half: float) -> int:
    """Digits behind the point for an interval of this half width: two significant digits, and at least one
    digit.
    """
    return max(1, 1 - math.floor(math.log10(half)))


def _two_digits_up(value: float) -> str:
    """Two significant digits, rounded up, so that the promised difference is not made smaller."""
    if value <= 0:
        return "0"
    digits = 1 - math.floor(math.log10(value))
    up = math.ceil(value * 10**digits - 1e-9) / 10**digits
    return f"{up:.{max(0, digits)}f}"


def _percent(share: float) -> str:
    return f"{100 * share:g} %"
