"""The policy that gives groups equal shares."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ...seeding import hashed
from .class_shares import joined, keep_class_shares
from .policy import Ranker, TaskRows
from .quota import quota

if TYPE_CHECKING:
    from ..config import ReplayConfig


def keep_balanced(
    tasks: Sequence[TaskRows], config: ReplayConfig, seed: int, ranker: Ranker
) -> list[TaskRows]:
    """Keeps equal shares of all groups, and a uniform sample within each group.

    The groups are all tasks, all class labels, or each object group of each task (``config.balance_by``).
    Other groups take what a small group cannot fill, unless the budget is per class.

    Args:
        tasks: The rows kept of each past task, in order, then all rows of the newest task.
        config: The memory's configuration, with ``size`` > 0.
        seed: The memory's seed.
        ranker: Not asked.

    Returns:
        The rows kept of each of ``tasks``.
    """
    if config.budget == "per_class":
        rows, _ = joined(tasks)
        return keep_class_shares(tasks, config, ~hashed(seed, rows))
    ranked = [task.ranked(seed) for task in tasks]
    task_of = np.repeat(np.arange(len(ranked)), [len(task) for task in ranked])
    labels = np.concatenate([task.labels for task in ranked])
    by = {"task": task_of, "class": labels, "group": task_of * (labels.max(initial=0) + 1) + labels}
    group = by[config.balance_by]
    groups, group, counts = np.unique(group, return_inverse=True, return_counts=True)
    shares = quota(config.size, np.ones(len(groups)), counts)
    drawn = hashed(seed, np.concatenate([task.rows for task in ranked]))
    order = np.lexsort((~drawn, group))
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
    kept = rank < shares[group]
    return [task.take(kept[task_of == k]) for k, task in enumerate(ranked)]
