"""Keeps the same number of samples of every class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from .policy import TaskRows

if TYPE_CHECKING:
    from ..config import ReplayConfig


def joined(tasks: Sequence[TaskRows]) -> tuple[np.ndarray, np.ndarray]:
    """Returns the rows and the labels of all tasks, old tasks first."""
    return np.concatenate([task.rows for task in tasks]), np.concatenate([task.labels for task in tasks])


def keep_class_shares(tasks: Sequence[TaskRows], config: ReplayConfig, rank_by: np.ndarray) -> list[TaskRows]:
    """Keeps the rows of lowest ``rank_by`` in each class. Rows where it is equal keep their order.

    Each class seen has ``config.share`` samples, as CLAP4CLIP's released memory counts them
    (``incremental_dataloader.py``). The remainder of the division stays unused, and so does what a small
    class cannot fill.

    Args:
        tasks: The tasks' rows, old tasks first.
        config: The memory's configuration, which gives each class's share.
        rank_by: (n,), a number for each of :func:`joined`'s rows.

    Returns:
        The kept rows of each task: classes in ascending order, the best row first within each.
    """
    _, labels = joined(tasks)
    order = np.lexsort((rank_by, labels))
    classes, starts = np.unique(labels[order], return_index=True)
    rank = np.arange(len(order)) - np.repeat(starts, np.diff([*starts, len(order)]))
    kept = order[rank < config.share(max(1, len(classes)))]
    ends = np.cumsum([len(task) for task in tasks])
    return [
        task.take(kept[(kept >= end - len(task)) & (kept < end)] - (end - len(task)))
        for task, end in zip(tasks, ends, strict=True)
    ]
