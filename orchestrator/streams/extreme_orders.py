"""Looks for the orders of a stream that should be the worst and the best, by what is alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_DRAWS = 100  # random orders
_STARTS = 10  # of them, from which exchanges are tried
_SWAPS = 20_000  # exchanges that are tried at most from each
_PER_PAIR = 20  # exchanges of each two classes


@dataclass(frozen=True)
class ExtremeOrders:
    """Two orders of a stream.

    Attributes:
        worst: The order in which tasks that follow each other are least alike: numbers of classes or tasks.
        best: The order in which they are most alike.
        similarity: The mean similarity of tasks that follow each other, by ``worst``, ``best`` and
            ``random``, the mean over random orders.
    """

    worst: tuple[int, ...]
    best: tuple[int, ...]
    similarity: dict[str, float]


def extreme_orders(similarity: np.ndarray, sizes: Sequence[int]) -> ExtremeOrders | None:
    """Looks for the orders in which tasks that follow each other are least and most alike.

    This is what EDGE measures orders by (Lai et al., arXiv 2509.22580): the mean similarity of classes
    in tasks that follow each other. Its released code calls the order with the lowest one hard and that with
    the highest one easy, and takes them from five clusterings. Here each is the best that comes from the
    ten best of 100 random orders by up to 20,000 random exchanges of two classes, each of which is kept where
    it helps. The same input gives the same orders.

    Args:
        similarity: (N, N), how alike two classes, or two tasks, are. It is symmetric.
        sizes: How many of the N each task has, in order.

    Returns:
        The orders; None where all orders are equally good, as with two tasks.
    """
    draw = np.random.default_rng(0)
    count, task = len(similarity), np.repeat(np.arange(len(sizes)), sizes)
    follows = (abs(task[:, None] - task[None, :]) == 1).astype(float)
    drawn = [draw.permutation(count) for _ in range(_DRAWS)]
    swaps = draw.integers(count, size=(min(_SWAPS, _PER_PAIR * count**2), 2))

    def mean(order: np.ndarray) -> float:
        return float((follows * similarity[np.ix_(order, order)]).sum() / max(follows.sum(), 1.0))

    means = [mean(order) for order in drawn]
    ranked = [drawn[number] for number in np.argsort(means, kind="stable")]
    lowest = min((_improved(similarity, one, follows, swaps, -1) for one in ranked[:_STARTS]), key=mean)
    highest = max((_improved(similarity, one, follows, swaps, 1) for one in ranked[-_STARTS:]), key=mean)
    found = {"worst": mean(lowest), "best": mean(highest), "random": float(np.mean(means))}
    if found["best"] - found["worst"] < 1e-6:
        return None
    return ExtremeOrders(_sorted(lowest, sizes), _sorted(highest, sizes), found)


def _improved(
    similarity: np.ndarray, order: np.ndarray, follows: np.ndarray, swaps: np.ndarray, sign: int
) -> np.ndarray:
    order = order.copy()
    for one, other in swaps.tolist():
        weight = follows[one] - follows[other]
        weight[[one, other]] = 0.0  # what the two are to each other stays
        change = weight @ (similarity[order[other]] - similarity[order[one]])[order]
        if sign * change > 1e-9:
            order[[one, other]] = order[[other, one]]
    return order


def _sorted(order: np.ndarray, sizes: Sequence[int]) -> tuple[int, ...]:
    """The order with each task's classes in their natural order, which the similarity does not see."""
    parts = np.split(order, np.cumsum(sizes)[:-1])
    return tuple(int(number) for part in parts for number in np.sort(part))
