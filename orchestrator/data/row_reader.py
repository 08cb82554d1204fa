"""Reads training samples by their global row, from wherever they lie."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ..errors import BadRecord
from ..object_store.memory_plan import row_bytes
from ..object_store.shared_stream import Candidates, SharedStream
from ..streams.pictures.crops import read_rows
from ..streams.pictures.subset import PictureSubset
from ..streams.pictures.substitute import SubstitutePictures
from ..streams.source import Questions
from ..streams.stream import Split, Stream


class Samples(NamedTuple):
    """n samples of a stream.

    Attributes:
        pictures: (n, *shape) as ``Stream.picture`` says; None where ``feature`` takes their place.
        tokens: int32 (n, L).
        label: int32 (n,).
        rows: int64 (n,), the rows that were read.
        feature: float16 (n, D) in the place of pictures, or float16 (n, ...) beside them.
        questions: In vqa.
    """

    pictures: np.ndarray | None
    tokens: np.ndarray
    label: np.ndarray
    rows: np.ndarray
    feature: np.ndarray | None = None
    questions: Questions | None = None


class RowReader:
    """Reads the training samples of a stream by global row.

    Samples are read from shared memory where they lie there, else from their source. With
    ``stream.skip_bad``, a sample whose picture cannot be read is replaced, together with its tokens and
    label: by the next readable one of its task and label, or by what else may stand for it
    (:meth:`~orchestrator.streams.pictures.substitute.SubstitutePictures.of_labels`). A reader may be called
    from several threads.

    Attributes:
        bytes_per_row: Bytes of one replayed sample.
        encoded: Whether features take the place of pictures.
        views: How many augmented views of a picture the features hold; None where there are no such views.

    Args:
        stream: The stream whose training samples are read.
    """

    def __init__(self, stream: Stream) -> None:
        if isinstance(stream, SharedStream):
            self._tokens, self._label = stream.tokens, stream.label
            self.bytes_per_row = stream.bytes_per_row
            candidates, self._feature, self._origin = stream.candidates, stream.feature, stream.origin
            self._questions = stream.questions
        else:
            splits = [task.splits["train"] for task in stream.tasks]
            self._tokens = np.concatenate([split.tokens for split in splits])
            self._label = np.concatenate([split.label for split in splits])
            self.bytes_per_row = row_bytes(stream)
            features = [split.feature for split in splits]
            self._feature = None if features[0] is None else np.concatenate(features)
            candidates, self._origin = None, stream.numbers
            self._questions = Questions.join([split.questions for split in splits])
        self._views = stream.views
        self._beside = self._feature is not None and not stream.features_only
        self.encoded = stream.features_only
        self.views = None if self._views is None else self._views.shape[1]
        self._raw = _TrainPictures(stream, candidates)
        self._pictures: SubstitutePictures | None = None
        if stream.skip_bad and not self.encoded:
            task = stream.task_of(np.arange(len(self._label)))
            group = None if stream.tables is None else stream.group_of(self._label)
            self._pictures = SubstitutePictures.of_labels(
                self._raw, stream.scenario, self._label, task, group
            )

    @property
    def skipped(self) -> int:
        """The number of samples that were replaced so far."""
        return 0 if self._pictures is None else self._pictures.skipped

    def read(
        self, rows: np.ndarray, views: np.ndarray | None = None, crops: np.ndarray | None = None
    ) -> Samples:
        """Reads samples in the order of ``rows``.

        Args:
            rows: int (n,), global training rows.
            views: int (n,), which of a picture's encoded views is taken; None: the features of the picture
                itself.
            crops: What each picture is cropped by as it is read, as of
                :func:`~orchestrator.streams.augment.crop_draws`; None: pictures are read whole.

        Raises:
            BadRecord: A picture cannot be read. The message names the global row.
        """
        pictures = feature = None
        if not self.encoded and self._pictures is None:
            pictures = self._raw.read(rows, crops)
        elif not self.encoded:
            pictures, rows = self._pictures.take(rows, crops)
        if self._feature is not None:
            feature = self._feature[rows] if views is None else self._views[rows, views]
        questions = None if self._questions is None else self._questions.take(rows)
        return Samples(pictures, self._tokens[rows], self._label[rows], rows, feature, questions)

    def labels(self, rows: np.ndarray) -> np.ndarray:
        """Returns the labels of global rows, int32 (n,)."""
        return self._label[rows]

    def origin(self, rows: np.ndarray) -> np.ndarray:
        """Returns the numbers of global rows (``Stream.numbers``). They are the same in every way of sharing,
        whatever bad records were left out.
        """
        return rows if self._origin is None else self._origin[rows]

    def split(self, rows: np.ndarray) -> Split:
        """Returns the samples of ``rows`` as a split. Where some are bad, the split has those that
        :meth:`read` takes instead. Pictures are read when they are asked for.
        """
        if self._pictures is not None:
            rows = self._pictures.readable(rows)
        return Split(
            PictureSubset(self._raw, np.asarray(rows, np.int64)),
            self._tokens[rows],
            self._label[rows],
            feature=None if self._feature is None else self._feature[rows],
            questions=None if self._questions is None else self._questions.take(rows),
            beside=self._beside,
        )


class _TrainPictures:
    """The training pictures of all tasks by global row."""

    def __init__(self, stream: Stream, candidates: Candidates | None) -> None:
        self._stream = stream
        self._candidates = candidates
        self._shape, self._type = stream.picture
        pictures = (task.splits["train"].pictures for task in stream.tasks)
        self._sources = [p.pictures if isinstance(p, SubstitutePictures) else p for p in pictures]

    def __len__(self) -> int:
        return int(self._stream.starts[-1])

    def read_crops(self, rows: np.ndarray, draws: Sequence[np.ndarray]) -> np.ndarray:
        return self.read(rows, np.asarray(draws))

    def read(self, rows: np.ndarray, draws: np.ndarray | None = None) -> np.ndarray:
        rows = np.asarray(rows, np.int64)
        if self._candidates is None:
            return self._from_sources(rows, draws)
        if self._candidates.rows is None:
            return read_rows(self._candidates.pictures, rows, draws)
        kept, index = self._find(rows)
        if kept.all():
            return self._from_candidates(index, draws)
        if not kept.any():
            return self._from_sources(rows, draws)
        out = np.empty((len(rows), *self._shape), self._type)
        out[kept] = self._from_candidates(index[kept], _of(draws, kept))
        out[~kept] = self._from_sources(rows[~kept], _of(draws, ~kept))
        return out

    def _find(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Which rows are candidates, and the index of each among the candidates."""
        known = self._candidates.rows
        if not len(known):
            return np.zeros(len(rows), bool), np.zeros(len(rows), np.int64)
        index = np.minimum(np.searchsorted(known, rows), len(known) - 1)
        return known[index] == rows, index

    def _from_candidates(self, index: np.ndarray, draws: np.ndarray | None) -> np.ndarray:
        try:
            return read_rows(self._candidates.pictures, index, draws)
        except BadRecord as error:
            raise BadRecord(str(error), int(self._candidates.rows[error.row])) from None

    def _from_sources(self, rows: np.ndarray, draws: np.ndarray | None) -> np.ndarray:
        tasks = self._stream.task_of(rows)
        present = np.unique(tasks)
        if len(present) == 1:
            return self._from_source(int(present[0]), rows, draws)
        out = np.empty((len(rows), *self._shape), self._type)
        for task in present:
            mine = tasks == task
            out[mine] = self._from_source(int(task), rows[mine], _of(draws, mine))
        return out

    def _from_source(self, task: int, rows: np.ndarray, draws: np.ndarray | None) -> np.ndarray:
        start = int(self._stream.starts[task])
        try:
            return read_rows(self._sources[task], rows - start, draws)
        except BadRecord as error:
            raise BadRecord(str(error), start + error.row) from None


def _of(draws: np.ndarray | None, which: np.ndarray) -> np.ndarray | None:
    return None if draws is None else draws[which]
