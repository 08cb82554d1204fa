"""The interface that every selection policy implements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from ...seeding import hashed

if TYPE_CHECKING:
    from ..config import ReplayConfig


class Ranker(Protocol):
    """What a policy may ask about global training rows, int64 (n,). An answer is computed when the policy
    asks.
    """

    def features(self, rows: np.ndarray) -> np.ndarray:
        """Returns float (n, D): features of a frozen image encoder where there is one, else of the trial's
        own model.
        """
        ...

    def logits(self, rows: np.ndarray) -> np.ndarray:
        """Returns the logits of the C classes seen.

        Returns:
            float (M, n, C), in M samples of the trial's own classifier.
        """
        ...

    def herding(self, rows: np.ndarray) -> np.ndarray | None:
        """Returns each row's rank in its class's herding order under frozen features.

        The ranking is made once for all trials.

        Returns:
            int (n,), ranks from 0; None where nothing was ranked.
        """
        ...


@dataclass(frozen=True)
class TaskRows:
    """Rows of one task: all of them at first, later those that are kept, the best first.

    A policy that shares by class keeps them class by class, the best first within each class.

    Attributes:
        rows: int64 (n,), global training rows.
        labels: int32 (n,), their labels.
        size: How many training rows the task had.
    """

    rows: np.ndarray
    labels: np.ndarray
    size: int

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, index: np.ndarray | slice) -> TaskRows:
        """Returns the rows at ``index``, in that order."""
        return TaskRows(self.rows[index], self.labels[index], self.size)

    def ranked(self, seed: int) -> TaskRows:
        """Returns the rows by falling random key: a fixed order of the task whose first k rows are a uniform
        sample.
        """
        return self.take(np.argsort(~hashed(seed, self.rows)))


class Policy(Protocol):
    """Decides which rows are kept. A policy never touches a sample: it assigns rows, and the shared memory
    holds the data.
    """

    def __call__(
        self, tasks: Sequence[TaskRows], config: ReplayConfig, seed: int, ranker: Ranker
    ) -> list[TaskRows]:
        """Chooses the rows that are kept.

        Random choices are functions of ``(seed, row)``.

        Args:
            tasks: The rows kept of each past task, in order, then all rows of the newest task.
            config: The memory's configuration, with size > 0.
            seed: The memory's seed.
            ranker: Gives features and logits of rows on demand.

        Returns:
            The rows kept of each of ``tasks``, the best first, together at most as many as ``config`` allows.
        """
        ...
