"""Equal shares for groups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ...seeding import keys
from .class_shares import joined, keep_class_shares
from .policy import Ranker, TaskRows
from .quota import quota

if TYPE_CHECKING:
    from ..config import ReplayConfig


def keep_balanced(
    tasks: Sequence[TaskRows], config: ReplayConfig, seed: int, ranker: Ranker
) -> list[TaskRows]:
    """Equal shares for all tasks, for all class labels, or for each object group of each task
    (``config.balance_by``); uniform within each.

    What a small group cannot fill goes to the others, but for a budget per class.
    """
    if config.budget == "per_class":
        rows, _ = joined(tasks)
        return keep_class_shares(tasks, config, ~keys(seed, rows))
    ranked = [task.ranked(seed) for task in tasks]
    place = np.repeat(np.arange(len(ranked)), [len(task) for task in ranked])
    labels = np.concatenate([task.labels for task in ranked])
    by = {"task": place, "class": labels, "group": place * (labels.max(initial=0) + 1) + labels}
    group = by[config.balance_by]
    found, group, counts = np.unique(group, return_inverse=True, return_counts=True)
    shares = quota(config.size, np.ones(len(found)), counts)
    drawn = keys(seed, np.concatenate([task.rows for task in ranked]))
    order = np.lexsort((~drawn, group))
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
    kept = rank < shares[group]
    return [task.take(kept[place == k]) for k, task in enumerate(ranked)]
