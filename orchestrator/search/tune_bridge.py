"""Stands between Tune and the rest of a sweep: gives it objectives, and takes its proposals and verdicts."""

from __future__ import annotations

from collections.abc import Callable, Container
from typing import TYPE_CHECKING, Any

from ..evaluation.objective import Objective
from ..execution.job import Job, Outcome
from ..execution.train_private import step_tune
from .result_keys import INFEASIBLE, RUNNING, STATUS, TASK

if TYPE_CHECKING:
    from ray.tune.execution.tune_controller import TuneController

    from ..execution.session import Session
    from ..record.recorder import RunRecorder
    from .searches_beside import SearchesBeside

_WAIT = 0.5  # seconds that Tune's loop is held up where it has nothing to do
_TURN = 0.05  # and where another search may have something to do


class TuneBridge:
    """Follows a sweep's trials through the lanes, and asks Tune which to begin and which to stop.

    A proposal is written down before Tune has it, and a verdict before the lane hears of it. A report is in
    the record before Tune is told its objective, and an end as well. All methods are called in Tune's loop,
    by the driver's first thread. Tune would take an error that is raised there for a trial's failure.
    Therefore such an error ends the sweep by :attr:`over`.

    Tune pickles what it is given, but the pickles are never read: this object stays where it is.

    Args:
        recorder: Records what becomes of the trials.
        session: The session in which they run.
        job_of: Makes the job of a trial from its id and its proposed values.
        metric: The objective's name.
        objective: The objective with the others, of which Tune is told all; None: there is one.
        proposed: Returns whether no further trial can begin now.
        beside: The searches that share the lanes; None: there are none.
        judged: How many tasks a trial has done where Tune has a say. Elsewhere the lane goes on at once, and
            Tune hears nothing, since each word to Tune and back costs a lane tens of milliseconds. Tune needs
            the last task, which has the trial's value. None: after each task.
    """

    def __init__(
        self,
        recorder: RunRecorder,
        session: Session,
        job_of: Callable[[str, dict[str, Any]], Job],
        metric: str,
        objective: Objective | None = None,
        proposed: Callable[[], bool] = lambda: True,
        beside: SearchesBeside | None = None,
        judged: Container[int] | None = None,
    ) -> None:
        self._recorder = recorder
        self._session = session
        self._job_of = job_of
        self._metric = metric
        self._several = objective if objective is not None and objective.others else None
        self._jobs = session.listener(self._reported, self._ended, self._tell)
        self._proposed = proposed
        self._beside = beside
        self._judged = judged
        self._controller: TuneController | None = None
        self._error: Exception | None = None
        self._with_tune: set[str] = set()  # trials for which Tune's verdict is awaited

    def __reduce__(self) -> tuple[type[str], tuple[str]]:
        return str, ("a bridge of another process",)

    def __deepcopy__(self, _: dict[int, Any]) -> TuneBridge:
        return self

    @property
    def over(self) -> bool:
        """Whether Tune has to end with its trials unfinished, so that they can be resumed."""
        return bool(self._recorder.fatal or self._recorder.interrupted or self._error)

    # --- other searches ---

    @property
    def lanes_wanted(self) -> int:
        """How many lanes it keeps at work."""
        return min(self._session.lanes, self._running) if self._proposed() else self._session.lanes

    @property
    def settled(self) -> bool:
        """Whether Tune has begun all trials that were proposed."""
        return self._running <= len(self._jobs.under_way)

    @property
    def _running(self) -> int:
        return sum(trial.status == RUNNING for trial in self._recorder.store.trials.values())

    def follow(self, controller: TuneController | None) -> None:
        """Takes the controller of Tune's loop, which :meth:`step` steps."""
        self._controller = controller

    def step(self) -> None:
        """Lets Tune's loop do one step, from inside a step of another search's loop. That loop must not take
        an error for its own: this one raises it, once it has the thread again.
        """
        try:
            if self._controller is not None:
                step_tune(self._controller)
        except Exception as error:  # noqa: BLE001 - it is raised later
            self._error = error

    def leave_lanes(self) -> None:
        """Stops the jobs that are under way: their lanes would wait for ever for a verdict. Their trials stay
        unfinished.
        """
        for job_id in [] if self._recorder.interrupted else self._jobs.under_way:
            self._recorder.safely(self._jobs.answer, job_id, 0, False)

    # --- Tune's loop ---

    def look(self) -> None:
        """Hears the lanes. Where all lanes are at work and no verdict of Tune is awaited, it waits for a
        lane's news. Then other searches have their turn.
        """
        self._session.tick()
        idle = not self._with_tune and len(self._jobs.under_way) >= self._session.lanes and not self.over
        others = self._beside is not None and self._beside.others
        heard = self._jobs.hear((_TURN if others else _WAIT) if idle else 0.0)
        while heard and not self.over:
            heard = self._jobs.hear(0.0)
        if self._beside is not None:
            self._beside.look(self)
        if self._error is not None:
            raise self._error

    # --- Tune's search ---

    def propose(self, trial_id: str, values: dict[str, Any], number: int) -> bool:
        """Writes a proposal down, before Tune has it.

        Args:
            trial_id: The trial's id.
            values: Its proposed values, by dotted key.
            number: Its number, from 0; None: the next one.

        Returns:
            Whether it could be written.
        """
        recorder = self._recorder
        return not recorder.fatal and recorder.safely(recorder.propose, trial_id, values, number)

    # --- Tune's trials ---

    def start(self, trial_id: str, values: dict[str, Any], number: int) -> None:
        """Takes the start of Tune's process for a trial. A trial whose process died gets another one: its job
        has gone on meanwhile, or has ended.

        Args:
            trial_id: The trial's id.
            values: Its proposed values, by dotted key.
            number: Its number, from 0.
        """
        entry = self._recorder.store.trials.get(trial_id)
        if entry is None or entry.status == RUNNING:
            self._recorder.safely(self._recorder.start, trial_id, values, number)
            self._recorder.safely(self._jobs.submit, self._job_of(trial_id, values))

    def closed(self, trial_id: str) -> None:
        """Takes the end of Tune's interest in a trial."""
        self._with_tune.discard(trial_id)
        self._jobs.untell(trial_id)

    def died(self, trial_id: str) -> None:
        """Takes the end of a trial whose process died again and again."""
        self.closed(trial_id)
        self._recorder.safely(self._jobs.answer, trial_id, 0, False)
        # A job may have ended before its process died. Then its end stays as it is.
        if not self.over and self._recorder.store.trials[trial_id].status == RUNNING:
            reason = "the trial's own process died too often"
            self._recorder.safely(self._recorder.end, trial_id, "failed", reason)

    # --- Tune's scheduler ---

    def decide(self, trial_id: str, task: int, go: bool) -> bool:
        """Writes a verdict down, before the lane hears of it.

        Args:
            trial_id: The trial's id.
            task: How many tasks it has done.
            go: Whether it goes on.

        Returns:
            Whether it could be written.
        """
        return self._recorder.safely(self._recorder.decide, trial_id, task, go)

    def answer(self, trial_id: str, task: int, go: bool) -> None:
        """Tells the lane a verdict. A trial that stops has ended, and is not heard any more.

        Args:
            trial_id: The trial's id.
            task: How many tasks it has done.
            go: Whether it goes on.
        """
        self._with_tune.discard(trial_id)
        if self._recorder.safely(self._jobs.answer, trial_id, task, go) and not go and not self.over:
            self._recorder.safely(self._end, trial_id)

    def _end(self, trial_id: str) -> None:
        store = self._recorder.store
        if store.trials[trial_id].status != RUNNING:
            return  # the lane has reported its end while Tune still had its last report
        whole = len(store.trials[trial_id].reports) >= store.tasks
        self._recorder.end(trial_id, "finished" if whole else "stopped")

    # --- the lanes ---

    def _reported(self, job: Job, metrics: dict[str, float]) -> None:
        self._recorder.safely(self._recorder.task, job.id, metrics)

    def _tell(self, job: Job, task: int, metrics: dict[str, float]) -> None:
        if self._judged is not None and task not in self._judged:
            if not self.over:
                self._recorder.safely(self._jobs.answer, job.id, task, True)
            return
        told = {self._metric: metrics[self._metric]} if self._metric in metrics else {}
        if self._several is not None:
            told = self._several.told(self._recorder.store.trials[job.id].reports[:task])
        self._with_tune.add(job.id)
        self._jobs.tell(job.id, {**told, TASK: task, STATUS: RUNNING})

    def _ended(self, job: Job, outcome: Outcome) -> None:
        if outcome.fatal:
            self._recorder.fatal = self._recorder.fatal or outcome.reason
        if self.over or outcome.status == "interrupted":
            return  # it stays unfinished
        if outcome.status == "failed":
            said = outcome.reason, outcome.infeasible
            self._recorder.safely(self._recorder.end, job.id, "failed", *said)
        else:
            self._recorder.safely(self._end, job.id)
        entry = self._recorder.store.trials[job.id]
        self._with_tune.add(job.id)
        told = {INFEASIBLE: True} if entry.infeasible else {}
        self._jobs.tell(job.id, {TASK: len(entry.reports), STATUS: entry.status, **told})
