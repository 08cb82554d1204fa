"""The first samples of each class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .class_shares import joined, keep_class_shares
from .policy import Ranker, TaskRows

if TYPE_CHECKING:
    from ..config import ReplayConfig


def keep_first(tasks: Sequence[TaskRows], config: ReplayConfig, seed: int, ranker: Ranker) -> list[TaskRows]:
    """The first of each class in the order of the data set: what CLAP4CLIP's released code calls random
    (``exemplars_selection.py``).
    """
    rows, _ = joined(tasks)
    return keep_class_shares(tasks, config, rows)
