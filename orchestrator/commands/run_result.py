"""What became of a run, as Python is given it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..evaluation.objective import Objective
from ..record.run_context import RunContext
from ..record.trial_store import TrialStore
from .trial_result import TrialResult

_STATUS: dict[int, Literal["finished", "interrupted"]] = {0: "finished", 130: "interrupted"}


@dataclass(frozen=True, eq=False)
class RunResult:
    """What became of a sweep, or of one configuration over its seeds.

    Attributes:
        name: The run's, by which it is resumed and loaded.
        folder: Where its files lie, ``runs/NAME``.
        status: ``finished``; ``interrupted``, by Ctrl-C or a signal; or ``failed``, see ``reason``. The last
            two can be resumed.
        reason: One line on why it did not finish, where there is one.
        objective: The metric on validation data by which trials are compared, and which end of it is better.
        tasks: The tasks' names, in order.
        trials: All trials, by number.
        best: The best trial on validation data that walked the whole stream; None without one.
        test: Metric -> value on test data. Of a sweep: of the best trial. Of several seeds: the mean over
            those that were tested and, as ``test_deviation/...``, the sample standard deviation. Empty where
            nobody looked.
        exit_status: Of the command that runs the same: 0, 1 or 130.
    """

    name: str
    folder: Path
    status: Literal["finished", "interrupted", "failed"]
    reason: str
    objective: Objective
    tasks: tuple[str, ...]
    trials: tuple[TrialResult, ...]
    best: TrialResult | None
    test: Mapping[str, float]
    exit_status: int

    @classmethod
    def of(
        cls, run: RunContext, book: TrialStore, test: Mapping[str, float], exit_status: int, reason: str
    ) -> RunResult:
        """The result of ``run``, whose trials are in ``book``, and its figures on ``test`` data."""
        trials = tuple(TrialResult.of(entry, book, run.source.scenario) for entry in book.trials.values())
        best = book.best()
        return cls(
            run.folder.name,
            run.folder,
            _STATUS.get(exit_status, "failed"),
            reason,
            book.objective,
            tuple(run.names),
            trials,
            next((trial for trial in trials if best is not None and trial.id == best.id), None),
            dict(test),
            exit_status,
        )
