"""Models that a process loads once."""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Iterator
from dataclasses import asdict
from functools import lru_cache, update_wrapper
from typing import Any, Generic, ParamSpec, TypeVar

_P = ParamSpec("_P")
_Model = TypeVar("_Model")


class LoadedOnce(Generic[_P, _Model]):
    """A function that loads a model by its configuration, and gives the same model again as long as the files
    that the configuration names are the same. It keeps two models.

    A notebook may train or fetch weights anew between two runs of one process: the second run is of those.

    Args:
        load: Loads a model. Its first argument is a dataclass of plain values, and all are hashable.
    """

    def __init__(self, load: Callable[_P, _Model]) -> None:
        loading: Callable[..., _Model] = load

        @lru_cache(maxsize=2)
        def kept(_: Hashable, *arguments: Any) -> _Model:
            return loading(*arguments)

        self._kept = kept
        update_wrapper(self, load)

    def __call__(self, *arguments: _P.args, **named: _P.kwargs) -> _Model:
        assert not named, "a model is kept by its arguments' order"
        given: tuple[Any, ...] = arguments
        return self._kept(tuple(_files(asdict(given[0]))), *given)

    def cache_clear(self) -> None:
        """Forgets the models."""
        self._kept.cache_clear()


def _files(value: Any) -> Iterator[tuple[str, int, int, int]]:
    """The files that configured values name, and those of folders, with what changes as they do."""
    if isinstance(value, dict):
        for one in value.values():
            yield from _files(one)
    elif isinstance(value, str) and os.path.exists(path := os.path.expanduser(value)):
        inside = os.listdir(path) if os.access(path, os.R_OK) and os.path.isdir(path) else []
        yield from (
            _described(file) for file in [path, *(os.path.join(path, name) for name in sorted(inside))]
        )


def _described(file: str) -> tuple[str, int, int, int]:
    found = os.stat(file) if os.path.exists(file) else os.lstat(file)
    return file, found.st_ino, found.st_size, found.st_mtime_ns
