"""The herding order of a stream's training rows, kept on disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..replay.policies.herding import herding_order
from ..storage.array_file import writing
from ..streams.source import StreamSource
from ..streams.split_spans import SplitKey
from .cache_entry import CacheEntry
from .source_layout import source_layout


def kept_herding(
    root: Path,
    pictures: str,
    source: StreamSource,
    feature: np.ndarray,
    left_out: dict[SplitKey, np.ndarray],
) -> Path:
    """Ranks the training rows within their labels, or finds the ranks of an earlier run.

    The ranks belong to one order and one set of training rows, so that each stream has a file of its own, of
    four bytes a row. The caller holds the lock of ``pictures``.

    Args:
        root: The folder of all entries.
        pictures: The name of the pictures' folder.
        source: The stream's source.
        feature: (N, D), the features of the stream; the training rows come first.
        left_out: The rows of each split that ``feature`` does not have.

    Returns:
        The file of int32 (N_train,), see :class:`~orchestrator.streams.stream.Stream`.

    Raises:
        UserError: The file is not the one that was kept, or the disk cannot hold it.
    """
    lost = [left_out.get((index, "train"), np.empty(0, np.int64)) for index in range(len(source.tasks))]
    identity = {
        "kind": "herding",
        "pictures": pictures,
        "layout": source_layout(source),
        "left_out": [rows.tolist() for rows in lost],
        "dtype": "int32",
    }
    entry = CacheEntry(root, identity)
    path = entry.path("herding")
    if entry.finished() is None:
        splits = [task.splits["train"] for task in source.tasks]
        label = np.concatenate([np.delete(s.label, rows) for s, rows in zip(splits, lost, strict=True)])
        entry.start()
        with writing(path, label.shape, np.int32) as file:
            file.array[:] = herding_order(feature[: len(label)].astype(np.float32), label)
        entry.finish(["herding"], {})
    return path
