"""Pictures in which one that cannot be read is replaced."""

from __future__ import annotations

import threading

import numpy as np

from ..errors import BadRecord
from ..streams.source import Pictures


class Substitute:
    """``pictures`` in which the place of one that cannot be read is taken by the next one of its group that
    can, cyclically.

    So a substitute depends on the data alone, not on batch, rank or thread. ``starts``: (G + 1,), group g
    owns rows starts[g] .. starts[g + 1] - 1; without it all rows are one group. Safe to call from several
    threads.
    """

    def __init__(self, pictures: Pictures, starts: np.ndarray | None = None) -> None:
        self.pictures = pictures
        self._starts = np.array([0, len(pictures)]) if starts is None else starts
        self._bad = np.empty(0, np.int64)
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self.pictures)

    @property
    def skipped(self) -> int:
        """How many pictures were found so far that cannot be read."""
        return len(self._bad)

    def read(self, rows: np.ndarray) -> np.ndarray:
        """uint8 (n, S, S, 3). Raises BadRecord where no picture of a group can be read."""
        while True:
            try:
                return self.pictures.read(self.resolve(rows))
            except BadRecord as error:
                with self._lock:
                    self._bad = np.union1d(self._bad, error.row)
                group = np.searchsorted(self._starts, error.row, side="right") - 1
                begin, end = self._starts[group : group + 2]
                if np.count_nonzero((self._bad >= begin) & (self._bad < end)) == end - begin:
                    raise

    def resolve(self, rows: np.ndarray) -> np.ndarray:
        """The rows that are really read for ``rows``, as far as is known: exact once they have been read."""
        bad = self._bad
        rows = np.asarray(rows, np.int64)
        while len(bad) and (hit := np.isin(rows, bad)).any():
            group = np.searchsorted(self._starts, rows, side="right") - 1
            following = np.where(rows + 1 < self._starts[group + 1], rows + 1, self._starts[group])
            rows = np.where(hit, following, rows)
        return rows
