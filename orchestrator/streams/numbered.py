"""The numbers of a stream's pictures, which no order changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from .source import TaskSource
from .split_spans import split_spans


def numbered(tasks: Sequence[TaskSource]) -> tuple[list[TaskSource], tuple[int, ...]]:
    """The tasks with ``SplitSource.number``: each picture's row in the arrays of all their splits.

    Args:
        tasks: The tasks in their natural order.

    Returns:
        The tasks, and ``StreamSource.number_ends``.
    """
    spans = split_spans([{name: len(split.label) for name, split in task.splits.items()} for task in tasks])
    out = [
        replace(
            task,
            splits={
                name: replace(split, number=np.arange(*spans[index, name], dtype=np.int64))
                for name, split in task.splits.items()
            },
        )
        for index, task in enumerate(tasks)
    ]
    return out, tuple(end for _, end in spans.values())
