"""The result of a frozen encoder for a stream, and the stream with it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..streams.pictures.subset import PictureSubset
from ..streams.split_spans import SplitKey, split_spans
from ..streams.stream import Split, Stream, TaskData


@dataclass(frozen=True)
class FrozenFeatures:
    """The finished arrays of a stream under a frozen encoder.

    Attributes:
        arrays: The arrays by name: ``feature``, of all splits in the order of
            :func:`~orchestrator.streams.split_spans.split_spans`; ``views`` and ``herding``, of the training
            rows, where they were asked for.
        files: The .npy files of those that lie in one.
        text: float32 (C, T, D), where there are prompts.
        left_out: The rows of each split whose picture cannot be read. The arrays do not have these rows.
    """

    arrays: dict[str, np.ndarray]
    files: dict[str, Path]
    text: np.ndarray | None
    left_out: dict[SplitKey, np.ndarray]

    def open(self, name: str) -> np.ndarray | None:
        """Returns an array; None where there is none of that name."""
        return self.arrays.get(name)

    def beside(self, whole: Stream, *, pictures_too: bool = False) -> Stream:
        """Returns a stream with ``feature`` in each split, without the rows that were left out.

        Args:
            whole: The stream without features.
            pictures_too: Whether a feature is read beside its picture, and not in the place of it.
        """
        feature = self.open("feature")
        rows = {
            (index, name): np.delete(np.arange(len(split)), self.left_out.get((index, name), []))
            for index, task in enumerate(whole.tasks)
            for name, split in task.splits.items()
        }
        spans = split_spans(
            [{name: len(rows[k, name]) for name in t.splits} for k, t in enumerate(whole.tasks)]
        )

        def cut(key: SplitKey, split: Split) -> Split:
            kept, (begin, end) = rows[key], spans[key]
            return Split(
                split.pictures if len(kept) == len(split) else PictureSubset(split.pictures, kept),
                split.tokens[kept],
                split.label[kept],
                None if split.record is None else split.record[kept],
                feature=feature[begin:end],
                questions=None if split.questions is None else split.questions.take(kept),
                beside=pictures_too,
                number=None if split.number is None else split.number[kept],
            )

        tasks = [
            TaskData(t.task, {name: cut((k, name), split) for name, split in t.splits.items()})
            for k, t in enumerate(whole.tasks)
        ]
        size, tables = whole.image_size, whole.tables
        stream = Stream(whole.name, whole.spec, tasks, whole.augment, whole.skip_bad, size, tables)
        stream.cut = whole.cut
        return stream
