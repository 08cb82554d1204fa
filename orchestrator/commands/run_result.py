"""The result of a run for Python."""

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
    """The result of a sweep, or of one configuration over its seeds.

    Attributes:
        name: The run's name, by which it is resumed and loaded.
        folder: The run's folder, ``runs/NAME``.
        status: ``finished``, ``interrupted`` (by Ctrl-C or a signal) or ``failed`` (see ``reason``). The last
            two can be resumed.
        reason: Why the run did not finish, in one line; empty where it did.
        objective: The metric on validation data by which trials are compared, and which end of it is better.
        tasks: The tasks' names, in order.
        trials: All trials, by number.
        best: The best trial on validation data that walked the whole stream; of several objectives the knee
            of their Pareto set, which is a suggestion. None without one.
        test: Metric -> value on test data. A sweep has the best trial's. A run over several seeds has the
            mean over those that were tested and, as ``test_deviation/...``, the sample standard deviation.
            Empty where nothing was tested.
        exit_status: The exit status of the command that runs the same: 0, 1 or 130.
        fatal: Whether another run would meet ``reason`` too, such as a Ray that was lost or a full disk.
        pareto_set: The Pareto set of several objectives, ``best`` first; empty for one objective.
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
    fatal: bool
    pareto_set: tuple[TrialResult, ...] = ()

    @classmethod
    def of(
        cls,
        run: RunContext,
        store: TrialStore,
        test: Mapping[str, float],
        exit_status: int,
        reason: str,
        *,
        fatal: bool,
    ) -> RunResult:
        """The result of a run.

        Args:
            run: The run.
            store: Its trials.
            test: Its metrics on test data.
            exit_status: The exit status of the command that runs the same.
            reason: Why it did not finish; empty where it did.
            fatal: Whether another run would meet the reason too.
        """
        trials = tuple(TrialResult.of(entry, store, run.source.scenario) for entry in store.trials.values())
        best = store.best()
        several = store.pareto_set().ordered if store.objective.others else []
        return cls(
            run.folder.name,
            run.folder,
            _STATUS.get(exit_status, "failed"),
            reason,
            store.objective,
            tuple(run.names),
            trials,
            next((trial for trial in trials if best is not None and trial.id == best.id), None),
            dict(test),
            exit_status,
            fatal,
            tuple(trial for one in several for trial in trials if trial.id == one.id),
        )
