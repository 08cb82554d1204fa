"""Stops a trial that is behind the median of the others."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, Any

from ray.tune.schedulers import FIFOScheduler

from .result_keys import TASK

if TYPE_CHECKING:
    from ray.tune.execution.tune_controller import TuneController
    from ray.tune.experiment import Trial


class MedianRule(FIFOScheduler):
    """Stops a trial whose value at a task is worse than the median of the other trials' at the same task.

    Tune's own rule compares a trial's best value so far with running averages of the others. Where values
    fall as tasks arrive, the best value is mostly that of the first task, and hardly any trial is stopped.

    Args:
        metric: The objective.
        mode: ``max`` or ``min``.
        first: The first task after which a trial may stop.
        last: The last task after which a trial may stop.
        min_trials: How many other trials need a value at the task.
        margin: How much worse than the median a value may be, in the objective's unit.
    """

    def __init__(
        self, metric: str, mode: str, first: int, last: int, *, min_trials: int, margin: float
    ) -> None:
        super().__init__()
        self._name = metric
        self._sign = 1 if mode == "max" else -1
        self._judged = range(first, last + 1)
        self._least = min_trials
        self._margin = margin
        self._seen: dict[int, dict[str, float]] = {}

    def on_trial_result(
        self, tune_controller: TuneController | None, trial: Trial, result: dict[str, Any]
    ) -> str:
        """See Tune's ``TrialScheduler``.

        Args:
            tune_controller: Not used.
            trial: The trial.
            result: Its newest result, with the objective and the tasks done.
        """
        task, value = int(result[TASK]), self._sign * result[self._name]
        seen = self._seen.setdefault(task, {})
        others = [other for name, other in seen.items() if name != trial.trial_id]
        seen[trial.trial_id] = value
        if task not in self._judged or len(others) < self._least:
            return self.CONTINUE
        return self.STOP if value < median(others) - self._margin else self.CONTINUE
