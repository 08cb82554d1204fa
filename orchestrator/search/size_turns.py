"""Assigns a size of the replay memory to each trial of a search."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count


class SizeTurns:
    """Sizes take turns. Each has as many trials as every other size, or one more or fewer, unless more of the
    search's starts have it.

    Args:
        sizes: How many sizes there are; 1 where the size is not searched.
        begins: The number of each start's size, from 0.
    """

    def __init__(self, sizes: int, begins: Sequence[int]) -> None:
        self._begins = tuple(begins)
        first = self._begins[0] if self._begins else 0
        self._order = [*range(first, sizes), *range(first)]
        self._dealt: list[tuple[int, int]] = []
        self._rest = self._deal()

    def size(self, number: int) -> int:
        """The number of the size of trial ``number``; both count from 0."""
        return self._turn(number)[0]

    def index(self, number: int) -> int:
        """How many trials before trial ``number`` have its size. Of the search's starts the first alone
        counts, so that as many trials are drawn at random after several starts as after one.
        """
        return self._turn(number)[1]

    def _turn(self, number: int) -> tuple[int, int]:
        while len(self._dealt) <= number:
            self._dealt.append(next(self._rest))
        return self._dealt[number]

    def _deal(self) -> Iterator[tuple[int, int]]:
        had, indices = dict.fromkeys(self._order, 0), dict.fromkeys(self._order, 0)
        for number in count():
            start = number < len(self._begins)
            size = self._begins[number] if start else min(self._order, key=had.__getitem__)
            yield size, indices[size]
            had[size] += 1
            indices[size] += not start or number == 0
