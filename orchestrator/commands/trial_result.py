"""The result of one trial for Python."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np

from methods.method import Scenario

from ..evaluation.protocol import SCORE
from ..evaluation.tables import read_matrix
from ..record.trial_entry import TrialEntry
from ..record.trial_store import TrialStore
from ..storage.task_key import task_key
from ..storage.trial_files import TEST_MATRIX_FILE

Ended = Literal["finished", "stopped", "failed", "interrupted"]
"""How a trial has ended."""


@dataclass(frozen=True, eq=False)
class TrialResult:
    """The result of one trial.

    Attributes:
        id: The name of the trial's folder, ``trial_0001`` or ``seed_0``.
        number: The trial's number from 1, as lines of progress have it.
        values: Dotted key -> value, where the trial differs from the others.
        status: ``finished`` (the whole stream), ``stopped`` (by the scheduler), ``failed`` (see ``reason``)
            or ``interrupted``.
        reason: Why the trial failed, in one line; empty where it did not.
        score: The objective after the last finished task; None where it is not finite. A stopped trial has
            done fewer tasks than the others, so that its score cannot be compared with theirs.
        reports: Metric -> value on validation data after each finished task, as ``tasks.jsonl`` has them.
        matrix: (tasks done, tasks), the score in percent on each task's validation split after each task; NaN
            where it was not measured.
        test: Metric -> value on test data, ``test/average`` ...; empty where it was not tested.
        test_matrix: (tasks, tasks), as ``matrix`` on test data; None where it was not tested.
        folder: The trial's folder.
    """

    id: str
    number: int
    values: Mapping[str, Any]
    status: Ended
    reason: str
    score: float | None
    reports: tuple[Mapping[str, float], ...]
    matrix: np.ndarray
    test: Mapping[str, float]
    test_matrix: np.ndarray | None
    folder: Path

    @classmethod
    def of(cls, entry: TrialEntry, store: TrialStore, scenario: Scenario) -> TrialResult:
        """The result of a trial.

        Args:
            entry: The trial.
            store: The trial store that has it.
            scenario: The stream's scenario.
        """
        folder, tested = store.trial_folder(entry.id), store.tested(entry.id)
        file = folder / TEST_MATRIX_FILE
        return cls(
            entry.id,
            entry.number + 1,
            dict(entry.values),
            # The trial has ended by the time that this is read.
            "interrupted" if entry.status == "running" else cast("Ended", entry.status),
            entry.reason,
            store.value(entry),
            tuple(dict(report) for report in entry.reports),
            _validation_matrix(entry.reports, store.tasks, scenario),
            tested,
            read_matrix(file)[0] if tested and file.exists() else None,
            folder,
        )


def _validation_matrix(reports: list[dict[str, float]], tasks: int, scenario: Scenario) -> np.ndarray:
    names = [f"validation/{task_key(task)}/{SCORE[scenario]}" for task in range(tasks)]
    rows = [[report.get(name, np.nan) for name in names] for report in reports]
    return np.array(rows, float).reshape(len(reports), tasks)
