"""Uniform sampling with a fixed share a task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from .policy import Features, TaskRows
from .quota import quota

if TYPE_CHECKING:
    from ..config import ReplayConfig


def keep_uniform(
    tasks: Sequence[TaskRows], config: ReplayConfig, seed: int, features: Features
) -> list[TaskRows]:
    """Uniform within each task, which gets a share proportional to its size (policy ``random``)."""
    ranked = [*tasks[:-1], tasks[-1].ranked(seed)]
    limits = np.array([len(task) for task in ranked])
    shares = quota(config.size, np.array([task.size for task in ranked], float), limits)
    return [task.take(slice(share)) for task, share in zip(ranked, shares, strict=True)]
