"""Optuna through Ray Tune, told the truth about trials that did not walk the whole stream."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import optuna
from optuna.trial import TrialState
from ray.tune.schedulers import ASHAScheduler
from ray.tune.search.optuna import OptunaSearch

from . import search_state
from .trial_files import reports_in

if TYPE_CHECKING:
    from ray.tune.execution.tune_controller import TuneController
    from ray.tune.experiment import Trial

TASK = "task"
"""Time attribute of a sweep: tasks done."""

STATUS = "status"
"""What a trial's last result says of it: ``running``, ``finished``, ``stopped`` or ``failed``."""


class TaskSearch(OptunaSearch):
    """Seeded TPE over a define-by-run space.

    A trial that ends before its last task is told to Optuna as PRUNED, a failed one as FAIL: average accuracy
    falls as tasks arrive, so a stopped trial's last value would outrank those that finished. Intermediate
    values are keyed by tasks done.

    ``space``: the define-by-run function. ``start``: a point to try first. ``trials``: the sweep's length,
    from which the number of random trials before TPE sets in is taken (a third, 4 to 10).
    """

    def __init__(
        self,
        space: Callable[[optuna.Trial], dict[str, Any] | None],
        metric: str,
        mode: str,
        *,
        seed: int,
        tasks: int,
        trials: int,
        start: dict[str, Any] | None,
    ) -> None:
        self._tasks = tasks
        sampler = optuna.samplers.TPESampler(
            seed=seed,
            n_startup_trials=min(10, max(4, trials // 3)),
            multivariate=True,
            group=True,
            constant_liar=True,
        )
        super().__init__(
            space, metric=metric, mode=mode, sampler=sampler, points_to_evaluate=[start] if start else None
        )

    def on_trial_result(self, trial_id: str, result: dict) -> None:
        value, task = result.get(self.metric), int(result.get(TASK, 0))
        trial = self._ot_trials[trial_id]
        # A trial that was restarted reports its finished tasks again.
        if value is not None and trial_id not in self._completed_trials:
            known = self._ot_study._storage.get_trial(trial._trial_id).intermediate_values
            if task not in known:
                trial.report(value, task)

    def on_trial_complete(self, trial_id: str, result: dict | None = None, error: bool = False) -> None:
        if trial_id in self._completed_trials:
            return
        failed = error or not result or result.get(STATUS) == "failed"
        value = None if failed else result.get(self.metric)
        if value is not None and int(result[TASK]) >= self._tasks:
            super().on_trial_complete(trial_id, result, error)
            return
        state = TrialState.FAIL if value is None else TrialState.PRUNED
        self._ot_study.tell(self._ot_trials[trial_id], state=state)
        self._completed_trials.add(trial_id)


class TaskScheduler(ASHAScheduler):
    """ASHA over tasks done: at each rung 2, 4, 8 ... the better half goes on.

    The first rung is the second task, as the first shows nothing of forgetting (the first task in
    streams of up to three). To be stopped at the last task is to have finished.

    Before a trial begins, Tune writes down that it exists: else a driver that dies in the ten seconds until
    Tune's next snapshot would leave a trial that the record knows and the search does not. Tune does not
    write down what a scheduler knows: of trials from before, that is read from their own folders, which lie
    in ``trials`` beside Tune's.
    """

    def __init__(self, metric: str, mode: str, tasks: int) -> None:
        first = 2 if tasks > 3 else 1
        super().__init__(
            time_attr=TASK, metric=metric, mode=mode, max_t=tasks + 1, grace_period=first, reduction_factor=2
        )
        self._unwritten = False

    def on_trial_add(self, tune_controller: TuneController, trial: Trial) -> None:
        super().on_trial_add(tune_controller, trial)
        self._unwritten = True
        folder = Path(tune_controller.experiment_path).with_name("trials") / trial.trial_id
        known = reports_in(folder)
        if known and not trial.is_finished():
            known = known[:-1]  # whether to stop after its last one is decided, perhaps once more
        for report in known:
            if (value := report.get(self._metric)) is not None:
                sign = 1 if self._mode == "max" else -1
                self._trial_info[trial.trial_id].on_result(trial, int(report[TASK]), sign * value)

    def choose_trial_to_run(self, tune_controller: TuneController) -> Trial | None:
        found = super().choose_trial_to_run(tune_controller)
        if found is not None and self._unwritten:
            self._unwritten = False
            tune_controller.checkpoint(force=True, wait=True)
            search_state.keep(Path(tune_controller.experiment_path))
        return found
