"""Pictures in which one that cannot be read is replaced."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np

from methods.method import Scenario

from ...errors import BadRecord
from ..source import Pictures

_CHUNK = 64


class SubstitutePictures:
    """``pictures`` in which the place of one that cannot be read is taken by the next one of its group that
    can, cyclically; the caller takes the whole record of that row, :meth:`take` says which.

    ``groups``: int (N,) each, rows with equal numbers are a group; where none of a row's group in the first
    can be read, its group in the second is asked, and so on; without any all rows are one group. So a
    substitute depends on the data alone, not on batch, rank or thread. Safe to call from several threads.
    """

    def __init__(self, pictures: Pictures, groups: Sequence[np.ndarray] = ()) -> None:
        self.pictures = pictures
        self._groups = groups or [np.zeros(len(pictures), np.int8)]
        self._bad: dict[int, str] = {}
        self._sound = np.zeros(len(pictures), bool)
        self._following: list[np.ndarray] = []
        self._lock = threading.Lock()

    @classmethod
    def of_labels(
        cls,
        pictures: Pictures,
        scenario: Scenario,
        label: np.ndarray,
        task: np.ndarray | None = None,
        group: np.ndarray | None = None,
    ) -> SubstitutePictures:
        """Pictures of training records: of the same task (int (N,); None: all are of one) and the same label.

        What is trained on then has the label by which it was chosen: shares, filters and the memory go by it.
        In retrieval and vqa, where many a category or object has one picture, another record takes the place
        where none of its label can be read: in vqa one of the task and the object's group (``group``, int
        (N,)), and where that has none either, as in retrieval, any of the task. In recognition a class
        without a picture stays an error.
        """
        task = np.zeros(len(label), np.int64) if task is None else np.asarray(task, np.int64)
        kinds = [_within(task, label)]
        if scenario == "vqa" and group is not None:
            kinds.append(_within(task, group))
        if scenario != "recognition":
            kinds.append(task)
        return cls(pictures, kinds)

    def __len__(self) -> int:
        return len(self.pictures)

    @property
    def skipped(self) -> int:
        """How many pictures were found so far that cannot be read."""
        return len(self._bad)

    def read(self, rows: np.ndarray) -> np.ndarray:
        """uint8 (n, S, S, 3). Raises BadRecord where no picture of a group can be read."""
        return self.take(rows)[0]

    def take(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What :meth:`read` gives, and the rows, int64 (n,), that it is of."""
        while True:
            found = self._resolve(rows)
            try:
                pictures = self.pictures.read(found)
            except BadRecord as error:
                with self._lock:
                    # A new dict, since other threads look into the old one.
                    self._bad = {**self._bad, error.row: str(error)}
                continue
            self._sound[found] = True
            return pictures, found

    def readable(self, rows: np.ndarray) -> np.ndarray:
        """int64 (n,): the rows that :meth:`take` would take for ``rows``. Reads those not read before."""
        found = self._resolve(rows)
        unknown = found[~self._sound[found]]
        for start in range(0, len(unknown), _CHUNK):
            self.take(unknown[start : start + _CHUNK])
        return self._resolve(rows)

    def _resolve(self, rows: np.ndarray) -> np.ndarray:
        """The rows in the place of those that are known to be bad."""
        rows = np.asarray(rows, np.int64)
        bad = self._bad
        if not bad or not (hit := np.isin(rows, list(bad))).any():
            return rows
        found = rows.copy()
        found[hit] = [self._stand_in(row, bad) for row in rows[hit].tolist()]
        return found

    def _stand_in(self, row: int, bad: dict[int, str]) -> int:
        for following in self._orders():
            other = int(following[row])
            while other != row:
                if other not in bad:
                    return other
                other = int(following[other])
        raise BadRecord(f"{bad[row]}; nor can any other picture that could take its place be read", row)

    def _orders(self) -> list[np.ndarray]:
        """Of each kind of group, the next row of each row's group."""
        with self._lock:
            if not self._following:
                self._following = [_following(group) for group in self._groups]
            return self._following


def _within(task: np.ndarray, kind: np.ndarray) -> np.ndarray:
    """int64 (N,): equal where task and kind are: a task's kinds are its own block of numbers."""
    return task * (int(np.max(kind, initial=0)) + 1) + kind


def _following(group: np.ndarray) -> np.ndarray:
    """int64 (N,): the next row of the same group, after its last the first."""
    order = np.argsort(group, kind="stable")
    ends = np.flatnonzero(np.diff(group[order], append=group[order[-1:]] + 1))
    begins = np.concatenate([[0], ends[:-1] + 1])
    after = np.roll(order, -1)
    after[ends] = order[begins]
    following = np.empty(len(group), np.int64)
    following[order] = after
    return following
