"""The decision to stop a trial."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from ray.tune.schedulers import FIFOScheduler

from ..evaluation.objective import Objective
from ..record.memory_worth import MEMORY_SIZE
from .result_keys import RUNNING, STATUS, TASK, TRIAL
from .scheduler_choice import SchedulerChoice, judged_tasks

if TYPE_CHECKING:
    from ray.tune.execution.tune_controller import TuneController
    from ray.tune.experiment import Trial

    from ..record.trial_entry import TrialEntry


class TaskScheduler(FIFOScheduler):
    """A stopping rule over tasks done. The default is ASHA: at each rung 2, 4, 8 ... the better half of the
    trials continues.

    Trials are compared with those of the same replay memory size. Where the size is drawn from a range, they
    are compared with those whose size has as many binary digits. Early in a stream all memories hold nearly
    the same, so that across sizes the order at task 2 says little of the final one.

    In several objectives trials are compared whatever their memory: what it costs may be one of them.

    A trial stops only after the tasks of :func:`~orchestrator.search.scheduler_choice.judged_tasks`.

    Args:
        metric: The objective.
        mode: ``max`` or ``min``.
        tasks: How many tasks the stream has.
        known: The sweep's trials from before it was resumed. The others are judged by them as if the sweep
            had not been interrupted. A trial under way is not judged again where its verdict is known.
        write_down: ``write_down(trial id, tasks, go)`` is called with each verdict before it takes effect. It
            returns whether the verdict could be written. If not, the sweep is about to end, and no further
            task is begun.
        sizes: The choices for the replay memory's size; empty: it is not searched, or it is drawn from a
            range.
        answer: Takes the same arguments. It acts on each verdict that was written, also on earlier ones.
        choice: The rule.
        objective: The objective with the others; None: there is one.
        follow: Takes the controller of Tune's loop, as soon as there is a trial.
    """

    def __init__(
        self,
        metric: str,
        mode: str,
        tasks: int,
        known: Sequence[TrialEntry] = (),
        write_down: Callable[[str, int, bool], bool] = lambda trial_id, task, go: True,
        answer: Callable[[str, int, bool], None] = lambda trial_id, task, go: None,
        sizes: Sequence[Any] = (),
        choice: SchedulerChoice | None = None,
        objective: Objective | None = None,
        follow: Callable[[TuneController | None], None] = lambda controller: None,
    ) -> None:
        self._follow = follow
        judged = judged_tasks(tasks)
        super().__init__()
        self._metric = metric
        rule = choice or SchedulerChoice()
        self._several = objective if objective is not None and objective.others else None
        self._new = partial(rule.make, metric, mode, judged[0], judged[-1], self._several)
        self._listed = bool(sizes)
        self._by_size: dict[Any, FIFOScheduler] = {}
        self._of: dict[str, FIFOScheduler] = {}  # Tune's trial ids -> that of the trial's memory size
        self._write_down = write_down
        self._answer = answer
        self._verdicts = {entry.id: dict(entry.verdicts) for entry in known if entry.status == "running"}
        self._unfinished = {entry.id: entry.reports for entry in known if entry.status == "running"}
        for entry in known:
            if entry.status != "running":
                ended: Any = SimpleNamespace(trial_id=entry.id)
                self._add(ended, entry.values)
                self._hear(ended, entry.reports, range(1, tasks + 1))

    def on_trial_add(self, tune_controller: TuneController | None, trial: Trial) -> None:
        """See Tune's ``TrialScheduler``."""
        self._follow(tune_controller)
        self._add(trial, trial.config)
        name = trial.config[TRIAL]["id"]
        judged = self._verdicts.get(name, {})
        self._hear(trial, self._unfinished.pop(name, []), judged)

    def on_trial_result(
        self, tune_controller: TuneController | None, trial: Trial, result: dict[str, Any]
    ) -> str:
        """See Tune's ``TrialScheduler``.

        Args:
            tune_controller: As of Tune.
            trial: The trial.
            result: Its newest result, with the objective and the tasks done.
        """
        name, task = trial.config[TRIAL]["id"], int(result[TASK])
        if self.metric not in result:  # the result of a failure, or of a task without a value
            if result.get(STATUS) == RUNNING:
                self._answer(name, task, True)  # there is nothing to compare it with
            return self.CONTINUE
        judged = self._verdicts.setdefault(name, {})
        if task not in judged:
            decision = self._of[trial.trial_id].on_trial_result(tune_controller, trial, result)
            if not self._write_down(name, task, decision != self.STOP):
                return self.STOP
            judged[task] = decision != self.STOP
        self._answer(name, task, judged[task])
        return self.CONTINUE if judged[task] else self.STOP

    def on_trial_complete(
        self, tune_controller: TuneController, trial: Trial, result: dict[str, Any]
    ) -> None:
        """See Tune's ``TrialScheduler``.

        Args:
            tune_controller: As of Tune.
            trial: The trial.
            result: Its last result.
        """
        self._of[trial.trial_id].on_trial_complete(tune_controller, trial, result)

    def _add(self, trial: Trial, values: Mapping[str, Any]) -> None:
        size = None if self._several is not None else values.get(MEMORY_SIZE)
        if size is not None and not self._listed:
            size = int(size).bit_length()
        if size not in self._by_size:
            self._by_size[size] = self._new()
        self._of[trial.trial_id] = self._by_size[size]
        self._of[trial.trial_id].on_trial_add(None, trial)

    def _hear(self, trial: Trial, reports: Sequence[dict[str, float]], judged: Container[int]) -> None:
        for done, report in enumerate(reports, 1):
            if int(report[TASK]) in judged:
                if self._several is not None:
                    report = {**self._several.told(reports[:done]), TASK: report[TASK]}
                self._of[trial.trial_id].on_trial_result(None, trial, report)
