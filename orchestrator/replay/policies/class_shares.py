"""The same number of samples of every class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from .policy import TaskRows

if TYPE_CHECKING:
    from ..config import ReplayConfig


def joined(tasks: Sequence[TaskRows]) -> tuple[np.ndarray, np.ndarray]:
    """Rows and labels of all tasks, old ones first."""
    return np.concatenate([task.rows for task in tasks]), np.concatenate([task.labels for task in tasks])


def keep_class_shares(tasks: Sequence[TaskRows], config: ReplayConfig, key: np.ndarray) -> list[TaskRows]:
    """The rows of lowest ``key`` (n,), of :func:`joined`'s rows, in each class; equal keys in their order.

    Each class seen has ``config.share`` samples, as CLAP4CLIP's released memory counts them
    (``incremental_dataloader.py``): what does not divide, and what a small class cannot fill, stays empty.
    Classes in ascending order, best first within each.
    """
    _, labels = joined(tasks)
    order = np.lexsort((key, labels))
    classes, starts = np.unique(labels[order], return_index=True)
    rank = np.arange(len(order)) - np.repeat(starts, np.diff([*starts, len(order)]))
    kept = order[rank < config.share(max(1, len(classes)))]
    ends = np.cumsum([len(task) for task in tasks])
    return [
        task.take(kept[(kept >= end - len(task)) & (kept < end)] - (end - len(task)))
        for task, end in zip(tasks, ends, strict=True)
    ]
