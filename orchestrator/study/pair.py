"""The pairs of seed and order over which methods are confirmed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_SEED = 1  # of the runs in extreme orders, which have one seed so that their difference is the orders'


def extreme_values(order: Sequence[int]) -> dict[str, Any]:
    """Dotted key -> value of a run in an extreme order."""
    return {"run.seed": _SEED, "stream.order": list(order)}


@dataclass(frozen=True)
class Pair:
    """A seed of the model and an order of the stream, the same for every method.

    Each pair has a seed and an order of its own. Seeds that share an order share a method's luck with it, and
    would count as too many runs.

    Attributes:
        number: The pair's number, from 1.
    """

    number: int

    @property
    def values(self) -> Mapping[str, Any]:
        """Dotted key -> value that the pair fixes: seed and order have the pair's number. The search has seed
        0 and the stream's own order, 0 or ``natural``, so that no pair shares its luck.
        """
        return {"run.seed": self.number, "stream.order": self.number}
