"""Interleaves the batches of two loaders."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from methods.method import Batch

from .loader import Loader


class Interleaved:
    """Alternates between steps on a task and steps on the memory.

    ``micro`` batches of ``task`` are followed by as many of ``memory``, and so on until both loaders, which
    are of equal length, have ended. ``waited`` is the sum over both loaders (:class:`Loader`).

    Args:
        task: The loader of the task's rows.
        memory: The loader of the memory's rows.
        micro: How many micro-batches make one step.

    Raises:
        ValueError: The loaders are not equally long.
    """

    def __init__(self, task: Loader, memory: Loader, micro: int) -> None:
        if len(task) != len(memory):
            raise ValueError(f"{len(task)} batches of a task cannot be paired with {len(memory)} of a memory")
        self._loaders = (task, memory)
        self._micro = micro

    def __iter__(self) -> Iterator[Batch]:
        parts = [iter(loader) for loader in self._loaders]
        for _ in range(0, len(self._loaders[0]), self._micro):
            for part in parts:
                yield from islice(part, self._micro)

    def __len__(self) -> int:
        return sum(map(len, self._loaders))

    @property
    def waited(self) -> float:
        return sum(loader.waited for loader in self._loaders)

    def close(self) -> None:
        """Stops the threads of both loaders."""
        for loader in self._loaders:
            loader.close()

    def __enter__(self) -> Interleaved:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
