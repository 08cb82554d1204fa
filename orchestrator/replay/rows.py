"""Training samples by their global row, from wherever they lie."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..errors import BadRecord
from ..streams.source import Pictures
from ..streams.stream import Split, Stream
from .limits import row_bytes
from .shared_stream import Candidates, SharedStream
from .subset import Subset
from .substitute import Substitute


class Samples(NamedTuple):
    """``pictures``: uint8 (n, S, S, 3). ``tokens``: int32 (n, L). ``label``: int32 (n,). ``rows``: int64
    (n,), the rows that were read.
    """

    pictures: np.ndarray
    tokens: np.ndarray
    label: np.ndarray
    rows: np.ndarray


class RowReader:
    """Reads the training samples of a stream by global row: from shared memory where they lie there, else
    from their source.

    ``bytes_per_row``: bytes of one replayed sample. With ``stream.skip_bad``, a sample whose picture cannot
    be read is replaced, picture, tokens and label, by the next one of its task that can; ``skipped`` counts
    them. Safe to call from several threads.
    """

    def __init__(self, stream: Stream) -> None:
        if isinstance(stream, SharedStream):
            self._tokens, self._label = stream.tokens, stream.label
            self.bytes_per_row = stream.bytes_per_row
            self._raw = _TrainPictures(stream, stream.candidates)
        else:
            splits = [task.splits["train"] for task in stream.tasks]
            self._tokens = np.concatenate([split.tokens for split in splits])
            self._label = np.concatenate([split.label for split in splits])
            self.bytes_per_row = row_bytes(stream.spec)
            self._raw = _TrainPictures(stream, None)
        self._pictures = Substitute(self._raw, stream.starts) if stream.skip_bad else None

    @property
    def skipped(self) -> int:
        """How many samples were replaced so far."""
        return 0 if self._pictures is None else self._pictures.skipped

    def read(self, rows: np.ndarray) -> Samples:
        """The samples in the order of ``rows``, int (n,). Raises BadRecord, naming the global row."""
        if self._pictures is None:
            pictures = self._raw.read(rows)
        else:
            pictures = self._pictures.read(rows)
            rows = self._pictures.resolve(rows)
        return Samples(pictures, self._tokens[rows], self._label[rows], rows)

    def split(self, rows: np.ndarray) -> Split:
        """The samples of ``rows`` as a split, read when asked for."""
        pictures: Pictures = Subset(self._raw, np.asarray(rows, np.int64))
        if self._pictures is not None:
            pictures = Substitute(pictures)
        return Split(pictures, self._tokens[rows], self._label[rows])


class _TrainPictures:
    """The training pictures of all tasks by global row."""

    def __init__(self, stream: Stream, candidates: Candidates | None) -> None:
        self._stream = stream
        self._candidates = candidates
        self._size = stream.image_size
        pictures = (task.splits["train"].pictures for task in stream.tasks)
        self._sources = [p.pictures if isinstance(p, Substitute) else p for p in pictures]

    def __len__(self) -> int:
        return int(self._stream.starts[-1])

    def read(self, rows: np.ndarray) -> np.ndarray:
        rows = np.asarray(rows, np.int64)
        if self._candidates is None:
            return self._from_sources(rows)
        if self._candidates.rows is None:
            return self._candidates.pictures.read(rows)
        kept, place = self._find(rows)
        if kept.all():
            return self._from_candidates(place)
        if not kept.any():
            return self._from_sources(rows)
        out = np.empty((len(rows), self._size, self._size, 3), np.uint8)
        out[kept] = self._from_candidates(place[kept])
        out[~kept] = self._from_sources(rows[~kept])
        return out

    def _find(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Which rows are candidates, and where among them."""
        known = self._candidates.rows
        if not len(known):
            return np.zeros(len(rows), bool), np.zeros(len(rows), np.int64)
        place = np.minimum(np.searchsorted(known, rows), len(known) - 1)
        return known[place] == rows, place

    def _from_candidates(self, place: np.ndarray) -> np.ndarray:
        try:
            return self._candidates.pictures.read(place)
        except BadRecord as error:
            raise BadRecord(str(error), int(self._candidates.rows[error.row])) from None

    def _from_sources(self, rows: np.ndarray) -> np.ndarray:
        tasks = self._stream.task_of(rows)
        found = np.unique(tasks)
        if len(found) == 1:
            return self._from_source(int(found[0]), rows)
        out = np.empty((len(rows), self._size, self._size, 3), np.uint8)
        for task in found:
            mine = tasks == task
            out[mine] = self._from_source(int(task), rows[mine])
        return out

    def _from_source(self, task: int, rows: np.ndarray) -> np.ndarray:
        start = int(self._stream.starts[task])
        try:
            return self._sources[task].read(rows - start)
        except BadRecord as error:
            raise BadRecord(str(error), start + error.row) from None
