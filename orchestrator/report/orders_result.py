"""The extreme orders of a study's stream."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class OrdersResult:
    """The order of a stream that should be the worst, and the one that should be the best.

    Attributes:
        orders: ``worst`` and ``best`` -> numbers of classes or tasks; empty where none are known.
        similarity: The mean similarity of tasks that follow each other, by ``worst``, ``best`` and
            ``random``.
        by: What the similarity is of, in words.
        what: What the numbers are of: ``classes`` or ``tasks``.
        reason: Why none are known; empty where they are.
    """

    orders: Mapping[str, Sequence[int]] = field(default_factory=dict)
    similarity: Mapping[str, float] = field(default_factory=dict)
    by: str = ""
    what: str = ""
    reason: str = ""

    @property
    def about(self) -> str:
        """How the orders were found, in sentences."""
        if self.reason:
            return f"Extreme orders: {self.reason}."
        worst, best, random = (self.similarity[name] for name in ("worst", "best", "random"))
        return (
            "A few random orders understate how far figures spread over all orders. In the worst order tasks "
            f"that follow each other are least alike (a mean similarity of {worst:.3f}), in the best order "
            f"most alike ({best:.3f}); in random orders they have {random:.3f}. The similarity is of "
            f"{self.by}. No run took part in the choice, so that a method may do better in the one than in "
            "the other. No mean, interval or test has the runs in these orders."
        )
