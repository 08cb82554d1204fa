"""Runs a few pieces of work in threads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_threads(work: Callable[[Item], Result], items: Iterable[Item], threads: int) -> Iterator[Result]:
    """Yields ``work(item)`` in the order of ``items``.

    One thread does each item when it is asked for; several threads begin with all items at once. An error is
    raised in the place of its item's result.

    Args:
        work: What is done with each item.
        items: The items.
        threads: How many threads work, >= 1.
    """
    if threads == 1:
        yield from map(work, items)
        return
    with ThreadPoolExecutor(threads) as pool:
        yield from pool.map(work, items)
