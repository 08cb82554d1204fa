"""The numbers of a stream's pictures, in the order of the stream's arrays."""

from __future__ import annotations

import numpy as np

from ..streams.source import StreamSource
from ..streams.split_spans import split_spans


def picture_numbers(source: StreamSource) -> np.ndarray | None:
    """``SplitSource.number`` of all splits in the order of
    :func:`~orchestrator.streams.split_spans.split_spans`, int64 (N,); None where the stream has none.
    """
    sizes = [{name: len(split.label) for name, split in task.splits.items()} for task in source.tasks]
    splits = [source.tasks[index].splits[name] for index, name in split_spans(sizes)]
    numbers = [split.number for split in splits if split.number is not None]
    return np.concatenate(numbers) if len(numbers) == len(splits) else None
