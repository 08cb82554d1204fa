"""Keeps on disk what a frozen encoder gave for pictures. It is found by the pictures' numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import UserError
from ..storage.array_file import writing
from .cache_entry import CacheEntry

_BLOCK = 4096  # rows that are gathered at once


@dataclass(frozen=True)
class _Part:
    """A finished part: int64 (n,) numbers of its rows, where the first ``viewed`` rows have views; and the
    numbers of pictures that could not be read when it was made.
    """

    entry: CacheEntry
    numbers: np.ndarray
    viewed: int
    unreadable: np.ndarray


class KeptPictures:
    """The arrays of a data set's pictures under an encoder, whatever the order in which streams have them.

    They are kept in parts. The first part has the pictures of the stream that was encoded first, in its
    order. Another part has what a later stream has beside them or needs views of, and what could be read only
    later. A part never changes. Where a picture is in several parts, the last part counts. A part is a
    :class:`~orchestrator.features.cache_entry.CacheEntry` of its own, with the arrays ``picture``, int64
    (n,), the numbers of its rows; ``feature``, (n, ...); and ``views``, (m, V, ...), of its first m rows.

    Args:
        root: The folder of all entries.
        identity: Everything that decides the arrays of a picture of a given number, as plain values.
    """

    def __init__(self, root: Path, identity: Mapping[str, Any]) -> None:
        self._root = root
        self._identity = identity
        self._parts: list[_Part] = []
        self.folder = self.growing.folder
        """The first part's folder."""

    @property
    def growing(self) -> CacheEntry:
        """The part that is not finished: chunks are written there."""
        return CacheEntry(self._root, {**self._identity, "part": len(self._parts)})

    def read(self) -> None:
        """Looks up the finished parts.

        Raises:
            UserError: A part's files are not those that were finished.
        """
        self._parts = []
        while (told := (entry := self.growing).finished()) is not None:
            self._add(entry, told)

    def _add(self, entry: CacheEntry, told: Mapping[str, Any]) -> None:
        numbers = np.load(entry.path("picture"), allow_pickle=False)
        self._parts.append(_Part(entry, numbers, told["viewed"], np.array(told["unreadable"], np.int64)))

    @property
    def unreadable(self) -> np.ndarray:
        """The numbers of pictures that could not be read when it was their turn."""
        return np.concatenate([np.empty(0, np.int64), *(part.unreadable for part in self._parts)])

    def knows(self, numbers: np.ndarray, viewed: bool) -> np.ndarray:
        """Returns which pictures are in the finished parts, bool (n,).

        Args:
            numbers: The pictures' numbers, int64 (n,).
            viewed: Whether their views have to be there too.
        """
        return self._find(numbers, viewed)[0] >= 0

    def _find(self, numbers: np.ndarray, viewed: bool) -> tuple[np.ndarray, np.ndarray]:
        """The part and the row of each picture; the part is -1 where no part has the picture."""
        part, row = np.full(len(numbers), -1), np.zeros(len(numbers), np.int64)
        for index in range(len(self._parts)):  # the last part counts
            known = self._parts[index].numbers
            position = _positions(known[: self._parts[index].viewed] if viewed else known, numbers)
            part[position >= 0], row[position >= 0] = index, position[position >= 0]
        return part, row

    def arrange(self, name: str, numbers: np.ndarray, ordered: Path | None) -> tuple[np.ndarray, Path | None]:
        """Returns an array with one row for each of ``numbers``, which the parts have.

        Where a part has exactly these rows, they are read in place. Otherwise they are gathered.

        Args:
            name: ``feature`` or ``views``.
            numbers: int64 (n,).
            ordered: The folder of the gathered array's file; None: it is held in memory.

        Returns:
            The array, and its file if it has one.

        Raises:
            UserError: The disk cannot hold the file.
        """
        arrays = [self._open(part, name) for part in self._parts]
        part, row = self._find(numbers, name == "views")
        first = arrays[part[0]]
        if (part == part[0]).all() and np.array_equal(row, np.arange(len(first))):
            return first, self._parts[part[0]].entry.path(name)
        shape = (len(numbers), *first.shape[1:])
        if ordered is None:
            gathered = np.empty(shape, first.dtype)
            _gather(arrays, part, row, gathered)
            return gathered, None
        ordered.mkdir(parents=True, exist_ok=True)
        path = ordered / f"{name}.npy"
        with writing(path, shape, first.dtype) as file:
            _gather(arrays, part, row, file.array)
        return np.load(path, mmap_mode="r", allow_pickle=False), path

    @staticmethod
    def _open(part: _Part, name: str) -> np.ndarray:
        if name == "views" and not part.viewed:
            return np.empty((0, 1), np.float16)
        return np.load(part.entry.path(name), mmap_mode="r", allow_pickle=False)

    def finish(
        self, order: np.ndarray, wanted: np.ndarray, shape: tuple[int, ...], views: int, encoder: str
    ) -> None:
        """Makes a part of all chunks of :attr:`growing`. Where they hold no picture, nothing happens.

        Args:
            order: The numbers of the stream's pictures, in the order in which rows are to lie. Those with
                views come first.
            wanted: The numbers of the pictures that were to be encoded.
            shape: The shape of what the encoder gives for one picture.
            views: V.
            encoder: The encoder's name, for people.

        Raises:
            UserError: The disk cannot hold the part, or a chunk cannot be read.
        """
        entry = self.growing
        held = {number: own for number in entry.chunks() if len((own := _held(entry, number))[0])}
        if not held:
            return
        numbers = np.concatenate([own for own, _ in held.values()])
        viewed = np.concatenate([has for _, has in held.values()])
        position = _positions(order, numbers)
        sorter = np.lexsort((np.where(position < 0, len(order), position), ~viewed))
        row = np.argsort(sorter)
        ends = np.cumsum([len(own) for own, _ in held.values()])[:-1]
        with writing(entry.path("picture"), (len(numbers),), np.int64) as file:
            file.array[:] = numbers[sorter]
        sizes = {"feature": (len(numbers), *shape), "views": (int(viewed.sum()), views, *shape)}
        names = [name for name in sizes if sizes[name][0]]
        for name in names:
            with writing(entry.path(name), sizes[name], np.float16) as file:
                for number, rows in zip(held, np.split(row, ends), strict=True):
                    arrays = entry.chunk(number)
                    if arrays is None:
                        raise UserError(f"{entry.folder}: chunk {number} was whole, and cannot be read now")
                    if name in arrays:
                        file.array[rows] = arrays[name]
        told = {
            "encoder": encoder,
            "viewed": sizes["views"][0],
            "unreadable": np.setdiff1d(wanted, numbers).tolist(),
        }
        self._add(entry, entry.finish(["picture", *names], told))


def _held(entry: CacheEntry, number: int) -> tuple[np.ndarray, np.ndarray]:
    """The numbers of a chunk's pictures, and whether it has views of each; none of a chunk that was cut
    short.
    """
    arrays = entry.chunk(number) or {"picture": np.empty(0, np.int64)}
    numbers = arrays["picture"]
    return numbers, np.full(len(numbers), "views" in arrays)


def _positions(known: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """Where each of ``numbers`` is in ``known`` for the first time; -1 where it is not."""
    if not len(known):
        return np.full(len(numbers), -1)
    order = np.argsort(known, kind="stable")
    position = order[np.minimum(np.searchsorted(known, numbers, sorter=order), len(known) - 1)]
    return np.where(known[position] == numbers, position, -1)


def _gather(arrays: list[np.ndarray], part: np.ndarray, row: np.ndarray, out: np.ndarray) -> None:
    for begin in range(0, len(out), _BLOCK):
        block = slice(begin, begin + _BLOCK)
        for index in np.unique(part[block]):
            mine = part[block] == index
            out[block][mine] = arrays[index][row[block][mine]]
