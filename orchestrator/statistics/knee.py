"""A point of a Pareto set that may be suggested."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def knee(losses: ArrayLike) -> int:
    """The knee of a Pareto set: the point with the least sum of losses, where each loss is 0 at the set's
    least and 1 at its largest.

    With two objectives it is the point that bulges furthest over the line between the two ends of the set
    (Das, Structural Optimization 18, 1999). Where none does, it is one of the ends. What a unit of one loss
    is worth in units of another one nobody has said, so that it is a suggestion.

    Args:
        losses: (N, M), N at least 1: of each point M finite losses, of which less is better.

    Returns:
        Its place, from 0; of equal sums the first.
    """
    points = np.asarray(losses, dtype=float)
    least = points.min(0)
    span = points.max(0) - least
    scaled = (points - least) / np.where(span > 0, span, 1.0)
    return int(np.argmin(scaled.sum(1).round(12)))  # round: equal sums differ by the order of their terms
