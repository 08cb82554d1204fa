"""Batches of two loaders by turns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, islice, repeat

from methods.method import Batch

from .loader import Loader


class Paired:
    """A step on the task, then one on the memory: ``micro`` batches of ``task``, as many of ``memory``, and
    so on without end; a loader that has ended begins again. ``waited`` as of a :class:`Loader`.
    """

    def __init__(self, task: Loader, memory: Loader, micro: int) -> None:
        self._loaders = (task, memory)
        self._micro = micro

    def __iter__(self) -> Iterator[Batch]:
        parts: list[Iterable[Batch]] = [chain.from_iterable(repeat(loader)) for loader in self._loaders]
        while True:
            for part in parts:
                yield from islice(part, self._micro)

    @property
    def waited(self) -> float:
        return sum(loader.waited for loader in self._loaders)

    def close(self) -> None:
        """Stops the threads of both."""
        for loader in self._loaders:
            loader.close()

    def __enter__(self) -> Paired:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
