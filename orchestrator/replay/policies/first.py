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

    CLAP4CLIP's released code calls this random (``exemplars_selection.py``). The parameters are those of
    :class:`~orchestrator.replay.policies.policy.Policy`.
    """
    rows, _ = joined(tasks)
    return keep_class_shares(tasks, config, rows)
