"""A trial's view of the shared replay memory: row numbers, never data."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .config import ReplayConfig
from .kept_values import KeptValues
from .policies import POLICIES
from .policies.policy import Ranker, TaskRows


class ReplayMemory:
    """The global training rows that a trial keeps of the tasks it has seen.

    The memory is equal on all ranks. It depends on the configuration, on ``seed`` and, where a policy asks
    for them, on features or logits alone.

    Args:
        config: The size and the policy of the memory.
        seed: At least 0.
    """

    def __init__(self, config: ReplayConfig, *, seed: int) -> None:
        self._config = config
        self._seed = seed
        self._tasks: list[TaskRows] = []
        self._kept: KeptValues | None = None

    @property
    def rows(self) -> np.ndarray:
        """int64 (n,): the kept rows, task by task. Within a task the best row comes first; where classes have
        equal shares, within each class of a task.
        """
        return np.concatenate([np.empty(0, np.int64), *(task.rows for task in self._tasks)])

    def update(self, task: int, rows: np.ndarray, labels: np.ndarray, ranker: Ranker) -> None:
        """Takes in a finished task. Tasks come in order, each once.

        Args:
            task: The task's number, from 0.
            rows: int64 (n,), all rows of the task.
            labels: int (n,), the rows' labels.
            ranker: Answers a policy that ranks by features or logits; no other policy asks it.

        Raises:
            ValueError: ``task`` is not the next task.
        """
        if task != len(self._tasks):
            raise ValueError(f"the memory has seen {len(self._tasks)} tasks: the next is not task {task}")
        self._take_in(rows, labels, ranker)
        if self._kept is not None:
            self._kept = KeptValues(self.rows, self._kept.of(self.rows))

    def keep(self, compute: Callable[[np.ndarray], np.ndarray]) -> None:
        """Keeps a method's own values beside the rows that have none yet.

        Args:
            compute: Returns float32 (n, ...), the values of rows int64 (n,).
        """
        known = self._kept
        rows = self.rows if known is None else self.rows[known.missing()]
        if len(rows):
            new = KeptValues(rows, compute(rows))
            if known is not None:
                there = ~known.missing()
                new = KeptValues(known.rows[there], known.values[there]).joined(new)
            self._kept = KeptValues(self.rows, new.of(self.rows))

    def kept(self, rows: np.ndarray) -> np.ndarray | None:
        """Returns a method's own values of global rows.

        Args:
            rows: int64 (n,), of the memory or not.

        Returns:
            float32 (n, ...), NaN where nothing is kept; None where nothing is kept of any row.
        """
        return None if self._kept is None else self._kept.of(rows)

    def _take_in(self, rows: np.ndarray, labels: np.ndarray, ranker: Ranker) -> None:
        new = TaskRows(np.asarray(rows, np.int64), np.asarray(labels, np.int32), len(rows))
        if self._config.size == 0:
            self._tasks.append(new.take(slice(0)))
            return
        keep = POLICIES[self._config.policy]
        self._tasks = keep([*self._tasks, new], self._config, self._seed, ranker)

    def nbytes(self, bytes_per_row: float) -> int:
        """Returns the bytes that the kept samples take in the shared memory, with the row numbers themselves
        and a method's own values.
        """
        own = 0 if self._kept is None else self._kept.values.nbytes
        return round(len(self.rows) * bytes_per_row) + self.rows.nbytes + own

    def state(self) -> dict[str, np.ndarray]:
        """Returns the memory as arrays, for a checkpoint.

        Returns:
            ``rows`` and ``labels`` of all tasks, ``tasks``, each task's (kept, size), and ``kept``, the
            method's own values of the rows, where it has any.
        """
        own = {} if self._kept is None else {"kept": self._kept.values}
        return own | {
            "rows": self.rows,
            "labels": np.concatenate([np.empty(0, np.int32), *(task.labels for task in self._tasks)]),
            "tasks": np.array([(len(task), task.size) for task in self._tasks], np.int64).reshape(-1, 2),
        }

    def load(self, state: dict[str, np.ndarray]) -> None:
        """Restores the memory from what :meth:`state` returned."""
        ends = np.cumsum(state["tasks"][:, 0])
        rows, labels = (np.split(np.asarray(state[name]), ends)[:-1] for name in ("rows", "labels"))
        sizes = state["tasks"][:, 1]
        self._tasks = [
            TaskRows(kept, of, int(size)) for kept, of, size in zip(rows, labels, sizes, strict=True)
        ]
        self._kept = KeptValues(self.rows, np.asarray(state["kept"])) if "kept" in state else None
