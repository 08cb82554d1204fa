"""Reads a stream's pictures once, to put them into a store."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np

from ..errors import BadRecord, UserError
from ..machine.cpus import usable_cpus
from ..streams.pictures import MissingPictures
from ..streams.prefetch import Prefetch
from ..streams.split_spans import SplitKey
from ..streams.stream import Split, Stream

_CHUNK = 64
_THREADS = 8

Rows = dict[SplitKey, np.ndarray]
"""Row numbers within each split."""

Progress = Callable[[int, int], None]
"""Called with the number of pictures done and of all pictures."""


class PictureReading:
    """Reads pictures by several threads, a chunk at a time, in order.

    Rows that cannot be read are removed from what was wanted at the end, where the stream allows it.

    Args:
        stream: The stream.
        splits: Its splits.
        progress: Takes the number of pictures done and of all pictures.

    Attributes:
        faults: Why rows could not be read, by split and row.
    """

    def __init__(self, stream: Stream, splits: Mapping[SplitKey, Split], progress: Progress | None) -> None:
        self.faults: dict[SplitKey, dict[int, str]] = {key: {} for key in splits}
        self._stream = stream
        self._splits = splits
        self._shape, self._type = stream.picture
        self._progress = progress or (lambda done, total: None)

    def decoded(self, wanted: Rows) -> Iterator[np.ndarray]:
        """Chunks of decoded pictures.

        Args:
            wanted: The rows of each split; those that cannot be read are removed at the end.

        Raises:
            UserError: A picture cannot be read and may not be left out, or a split loses all its pictures.
        """
        return self._read(wanted, "read")

    def encoded(self, wanted: Rows) -> Iterator[bytes]:
        """Encoded pictures, one at a time; see :meth:`decoded`."""
        return itertools.chain.from_iterable(self._read(wanted, "read_encoded"))

    def _read(self, wanted: Rows, method: str) -> Iterator[Any]:
        """Yields the results of the splits' pictures' ``method`` for the ``wanted`` rows."""
        chunks = [
            (key, rows[i : i + _CHUNK]) for key, rows in wanted.items() for i in range(0, len(rows), _CHUNK)
        ]
        total, done = sum(len(rows) for rows in wanted.values()), 0
        good: dict[SplitKey, list[np.ndarray]] = {key: [np.empty(0, np.int64)] for key in wanted}
        threads = min(_THREADS, usable_cpus())
        reading = Prefetch(partial(self._chunk, method), lambda: chunks, threads=threads, depth=2 * threads)
        for (_, asked), (key, rows, read) in zip(chunks, reading, strict=True):
            good[key].append(rows)
            done += len(asked)
            self._progress(done, total)
            if len(rows):
                yield read
        for key, parts in good.items():
            rows = np.concatenate(parts)
            if len(wanted[key]) and not len(rows):
                self._refuse(key)
            wanted[key] = rows

    def _chunk(self, method: str, chunk: tuple[SplitKey, np.ndarray]) -> tuple[SplitKey, np.ndarray, Any]:
        """Reads a chunk; returns its split, the rows that can be read, and what was read."""
        key, rows = chunk
        # their error is raised where they are read
        if isinstance(self._splits[key].pictures, MissingPictures):
            return key, rows, np.zeros((len(rows), *self._shape), self._type)
        while len(rows):
            try:
                return key, rows, getattr(self._splits[key].pictures, method)(rows)
            except BadRecord as error:
                if not self._stream.skip_bad:
                    raise
                self.faults[key][error.row] = str(error)
                rows = rows[rows != error.row]
        return key, rows, ()

    def _refuse(self, key: SplitKey) -> None:
        index, name = key
        task = self._stream.tasks[index].task.name
        first = self.faults[key][min(self.faults[key])]
        raise UserError(f"task {task}, split {name}: none of its pictures can be read, the first: {first}")
