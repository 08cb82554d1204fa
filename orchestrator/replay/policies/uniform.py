"""The policy of uniform sampling with a fixed share for each task or class."""

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


def keep_uniform(
    tasks: Sequence[TaskRows], config: ReplayConfig, seed: int, ranker: Ranker
) -> list[TaskRows]:
    """Keeps a uniform sample within each task or within each class (policy ``random``).

    Each task gets a share proportional to its size. Where ``config.by_class``, each class gets an equal share
    instead.

    Args:
        tasks: The rows kept of each past task, in order, then all rows of the newest task.
        config: The memory's configuration, with ``size`` > 0.
        seed: The memory's seed.
        ranker: Not asked.

    Returns:
        The rows kept of each of ``tasks``.
    """
    if config.by_class:
        rows, _ = joined(tasks)
        return keep_class_shares(tasks, config, ~hashed(seed, rows))
    ranked = [*tasks[:-1], tasks[-1].ranked(seed)]
    limits = np.array([len(task) for task in ranked])
    shares = quota(config.size, np.array([task.size for task in ranked], float), limits)
    return [task.take(slice(share)) for task, share in zip(ranked, shares, strict=True)]
