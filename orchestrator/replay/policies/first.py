"""The policy that keeps the first samples of each class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .class_shares import joined, keep_class_shares
from .policy import Ranker, TaskRows

if TYPE_CHECKING:
    from ..config import ReplayConfig


def keep_first(tasks: Sequence[TaskRows], config: ReplayConfig, seed: int, ranker: Ranker) -> list[TaskRows]:
    """Keeps the first rows of each class in the order of the data set.

    CLAP4CLIP's released code calls this random (``exemplars_selection.py``).

    Args:
        tasks: The rows kept of each past task, in order, then all rows of the newest task.
        config: The memory's configuration, with ``size`` > 0.
        seed: Not used.
        ranker: Not asked.

    Returns:
        The rows kept of each of ``tasks``, class by class, in the order of the data set.
    """
    rows, _ = joined(tasks)
    return keep_class_shares(tasks, config, rows)
