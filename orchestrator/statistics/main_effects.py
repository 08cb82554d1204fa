"""Tests which of several values explain an outcome, each by itself, by permutations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

_SHUFFLES = 999


def main_effects(outcome: NDArray[np.float64], columns: Sequence[Sequence[Any]]) -> list[float]:
    """Computes, for each column, the probability that chance alone explains as much of an outcome.

    A column of numbers explains the part of the outcome's variance that a parabola in their ranks explains. A
    column of words, or of fewer than three different numbers, explains the part that the means of its groups
    explain. The distribution under chance comes from shuffling the outcome 999 times. The least p of all
    columns in each shuffle corrects for their number (Westfall and Young, 1993, minP). The test is exact up
    to the draw of shuffles, and holds for columns that are not independent. The same data give the same
    numbers.

    Args:
        outcome: (N,), such as the ranks of a search's trials.
        columns: For each value (N,), None where a row does not have it. It is then tested among the other
            rows.

    Returns:
        For each column its p, 0.001 to 1. It is 1 where the column cannot explain anything: all its values
        are equal, or as many parameters as rows would be fitted.
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
        rank = (before + until + 1) / 2 / len(values) - 0.5  # equal values have their mean rank
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
    """Counts, for each value, how many values are less, and how many are not greater. scipy.stats has this
    too, but its import would cost every search half a second.
    """
    ordered = np.sort(values)
    return np.searchsorted(ordered, values), np.searchsorted(ordered, values, side="right")
