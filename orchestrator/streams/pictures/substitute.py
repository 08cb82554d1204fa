"""Replaces unreadable pictures."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np

from methods.method import Scenario

from ...errors import BadRecord
from ..source import Pictures
from .crops import read_rows

_CHUNK = 64


class SubstitutePictures:
    """Pictures in which the next readable one of the same group, cyclically, replaces an unreadable one.

    The caller takes the whole record of the row that :meth:`take` names. A substitute depends on the data
    alone, and not on batch, rank or thread. Several threads may call the methods.

    Args:
        pictures: All pictures.
        groups: int (N,) each. Rows with equal numbers are a group. Where no picture of a row's group in the
            first array can be read, its group in the second array is tried, and so on. Without any array all
            rows are one group.
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
        """Pictures of training records, with substitutes of the same task and the same label.

        A training sample then has the label by which it was chosen, and on which shares, filters and the
        memory depend. In retrieval and vqa many a category or object has only one picture. Where no record of
        a label can be read there, another record takes its place: in vqa a record of the task and the
        object's group, and where that has none either, as in retrieval, any record of the task. In
        recognition a class without a picture stays an error.

        Args:
            pictures: All pictures.
            scenario: The stream's scenario.
            label: int (N,).
            task: int (N,); None: all records are of one task.
            group: int (N,), the object's group, in vqa.
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
        """How many unreadable pictures were found so far."""
        return len(self._bad)

    def read(self, rows: np.ndarray) -> np.ndarray:
        """Reads the pictures at ``rows``, with substitutes: uint8 (n, S, S, 3).

        Raises:
            BadRecord: No picture of a group can be read.
        """
        return self.take(rows)[0]

    def take(self, rows: np.ndarray, draws: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Reads the pictures at ``rows``, with substitutes.

        Args:
            rows: int (n,).
            draws: The draws for each picture's crop, as of :func:`~.crops.read_rows`.

        Returns:
            The pictures, as of :meth:`read`, and int64 (n,), the row of each.
        """
        while True:
            taken = self._resolve(rows)
            try:
                pictures = read_rows(self.pictures, taken, draws)
            except BadRecord as error:
                with self._lock:
                    # A new dictionary is made, since other threads read the old one.
                    self._bad = {**self._bad, error.row: str(error)}
                continue
            self._sound[taken] = True
            return pictures, taken

    def readable(self, rows: np.ndarray) -> np.ndarray:
        """The rows that :meth:`take` would take for ``rows``, int64 (n,). Pictures that were not read before
        are read.
        """
        taken = self._resolve(rows)
        unknown = taken[~self._sound[taken]]
        for start in range(0, len(unknown), _CHUNK):
            self.take(unknown[start : start + _CHUNK])
        return self._resolve(rows)

    def _resolve(self, rows: np.ndarray) -> np.ndarray:
        """``rows``, where known bad rows are replaced."""
        rows = np.asarray(rows, np.int64)
        bad = self._bad
        if not bad or not (hit := np.isin(rows, list(bad))).any():
            return rows
        resolved = rows.copy()
        resolved[hit] = [self._stand_in(row, bad) for row in rows[hit].tolist()]
        return resolved

    def _stand_in(self, row: int, bad: dict[int, str]) -> int:
        for following in self._orders():
            other = int(following[row])
            while other != row:
                if other not in bad:
                    return other
                other = int(following[other])
        raise BadRecord(f"{bad[row]}; nor can any other picture that could take its place be read", row)

    def _orders(self) -> list[np.ndarray]:
        """For each kind of group, the next row of each row's group."""
        with self._lock:
            if not self._following:
                self._following = [_following(group) for group in self._groups]
            return self._following


def _within(task: np.ndarray, kind: np.ndarray) -> np.ndarray:
    """int64 (N,): numbers that are equal where task and kind are equal. A task's kinds have a block of
    numbers of their own.
    """
    return task * (int(np.max(kind, initial=0)) + 1) + kind


def _following(group: np.ndarray) -> np.ndarray:
    """int64 (N,): the next row of the same group; for its last row, the first."""
    order = np.argsort(group, kind="stable")
    ends = np.flatnonzero(np.diff(group[order], append=group[order[-1:]] + 1))
    begins = np.concatenate([[0], ends[:-1] + 1])
    after = np.roll(order, -1)
    after[ends] = order[begins]
    following = np.empty(len(group), np.int64)
    following[order] = after
    return following
