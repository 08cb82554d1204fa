"""Weights training rows so that a task's own rows and a memory's rows count alike."""

from __future__ import annotations

import numpy as np

from ..data.row_reader import RowReader
from ..streams.stream import Stream


def balanced_weights(stream: Stream, reader: RowReader, rows: np.ndarray) -> np.ndarray:
    """Returns n / (K n_k) for a row of the k-th of K kinds, of which there are n_k among n rows.

    The kinds are classes in recognition, tasks in retrieval, and the object groups of each task in vqa, the
    cells that VQACL's memory is divided among.

    Args:
        stream: The stream.
        reader: Reads its training rows.
        rows: int (n,), global training rows.

    Returns:
        float32 (n,), whose mean is 1.
    """
    if stream.scenario == "recognition":
        kinds = reader.labels(rows)[:, None]
    elif stream.scenario == "retrieval":
        kinds = stream.task_of(rows)[:, None]
    else:
        kinds = np.stack([stream.task_of(rows), stream.group_of(reader.labels(rows))], axis=1)
    _, kind, count = np.unique(kinds, axis=0, return_inverse=True, return_counts=True)
    return (len(rows) / (len(count) * count[kind.ravel()])).astype(np.float32)
