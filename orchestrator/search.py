"""Optuna through Ray Tune, told the truth about trials that did not walk the whole stream."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import optuna
from optuna.trial import TrialState
from ray.tune.schedulers import ASHAScheduler
from ray.tune.search.optuna import OptunaSearch

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


def task_scheduler(metric: str, mode: str, tasks: int) -> ASHAScheduler:
    """ASHA over tasks done: at each rung 2, 4, 8 ... the better half goes on.

    The first rung is the second task, as the first shows nothing of forgetting (the first task in
    streams of up to three). To be stopped at the last task is to have finished.
    """
    first = 2 if tasks > 3 else 1
    return ASHAScheduler(
        time_attr=TASK, metric=metric, mode=mode, max_t=tasks + 1, grace_period=first, reduction_factor=2
    )
