"""What every selection policy is written against."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from ...seeding import keys

if TYPE_CHECKING:
    from ..config import ReplayConfig


class Ranker(Protocol):
    """What a policy may ask about global training rows, int64 (n,): computed when it asks."""

    def features(self, rows: np.ndarray) -> np.ndarray:
        """float (n, D): a frozen image encoder's, or else the trial's own model's."""
        ...

    def logits(self, rows: np.ndarray) -> np.ndarray:
        """float (M, n, C): logits of the C classes seen, in M samples of the trial's own classifier."""
        ...

    def herding(self, rows: np.ndarray) -> np.ndarray | None:
        """int (n,): each row's place, from 0, in its class's herding order under frozen features, ranked once
        for all trials; None where nobody has.
        """
        ...


@dataclass(frozen=True)
class TaskRows:
    """Rows of one task: what is kept of it, best first; or, the first time, all of it.

    ``rows``: int64 (n,), global training rows. ``labels``: int32 (n,). ``size``: training rows that the
    task had. A policy that shares by class keeps them class by class, best first within each.
    """

    rows: np.ndarray
    labels: np.ndarray
    size: int

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, index: np.ndarray | slice) -> TaskRows:
        """The rows at ``index``, in that order."""
        return TaskRows(self.rows[index], self.labels[index], self.size)

    def ranked(self, seed: int) -> TaskRows:
        """The rows by falling random key: a fixed order of the task, whose first k rows are a uniform
        sample.
        """
        return self.take(np.argsort(~keys(seed, self.rows)))


class Policy(Protocol):
    """Says what is kept. Never touches a sample: it assigns rows, and the shared memory holds the data."""

    def __call__(
        self, tasks: Sequence[TaskRows], config: ReplayConfig, seed: int, ranker: Ranker
    ) -> list[TaskRows]:
        """What is kept of ``tasks``, best first, together at most what ``config`` (size > 0) allows.

        ``tasks``: what was kept of each past task, in order, then the newest task as a whole. Random
        choices are functions of ``(seed, row)``.
        """
        ...
