"""Which of several values tell something of an outcome, each by itself, by a permutation test."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

_SHUFFLES = 999


def main_effects(outcome: NDArray[np.float64], columns: Sequence[Sequence[Any]]) -> list[float]:
    """The probability with which chance alone, over all columns together, tells as much of an outcome.

    Of each column it is how much of the outcome's variance a parabola in the ranks of its numbers explains,
    or the means of its groups where it has words, or fewer than three different numbers. What that is under
    chance is found by shuffling the outcome 999 times, and the least p of all columns in each shuffle
    corrects for their number (Westfall and Young, 1993, minP). The test is exact but for the draw of shuffles
    and holds for columns that are not independent. The same data give the same numbers.

    Args:
        outcome: (N,), such as the ranks of a search's trials.
        columns: Of each value (N,), None where a row does not have it. It is measured among the others.

    Returns:
        Of each column p, 0.001 to 1; 1 where it has nothing to tell by: all its values are equal, or as many
        parameters as rows would be fitted.
    """
    draw = np.random.default_rng(0)
    orders = [np.arange(len(outcome)), *(draw.permutation(len(outcome)) for _ in range(_SHUFFLES))]
    shuffled = np.asarray(outcome, dtype=float)[np.array(orders)]
    parts = [_explained(shuffled, column) for column in columns]
    told = [number for number, part in enumerate(parts) if part is not None]
    p = [1.0] * len(columns)
    if not told:
        return p
    # (S, K): of each shuffle, as if it were the data, in how many shuffles a column explains as much.
    counts = [_places(-part.round(12))[1] for part in parts if part is not None]
    each = np.column_stack(counts) / len(orders)
    least = each.min(axis=1)
    for index, number in enumerate(told):
        p[number] = float((least <= each[0, index]).mean())
    return p


def _explained(shuffled: NDArray[np.float64], column: Sequence[Any]) -> NDArray[np.float64] | None:
    """(S,), the part of the variance that a column explains; None where it explains nothing."""
    rows = [row for row, value in enumerate(column) if value is not None]
    values = [column[row] for row in rows]
    kinds = list(dict.fromkeys(values))
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    if len(kinds) < 2:
        return None
    if numbers and len(kinds) > 2:
        before, until = _places(np.array(values, dtype=float))
        rank = (before + until + 1) / 2 / len(values) - 0.5  # of equal ones their mean rank
        design = np.column_stack([np.ones(len(rows)), rank, rank**2])
    else:
        design = np.array([[value == kind for kind in kinds] for value in values], dtype=float)
    if design.shape[1] >= len(rows):
        return None
    outcome = shuffled[:, rows]
    outcome = outcome - outcome.mean(axis=1, keepdims=True)
    whole = (outcome**2).sum(axis=1)
    within = ((outcome @ np.linalg.qr(design)[0]) ** 2).sum(axis=1)
    return within / np.maximum(whole, 1e-300)


def _places(values: NDArray[np.float64]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Of each value, how many are less, and how many are not greater. scipy.stats, which has this too, takes
    half a second to import, of every search.
    """
    ordered = np.sort(values)
    return np.searchsorted(ordered, values), np.searchsorted(ordered, values, side="right")
