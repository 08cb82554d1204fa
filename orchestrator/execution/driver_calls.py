"""The calls by which the driver and Tune's trials tell a dispatcher things and ask it."""

from __future__ import annotations

from typing import Any

from ..object_store.shared_pickle import SharedPickle
from .dispatcher_state import DispatcherState, wait
from .fair_share import SweepShare
from .job import Job, Outcome


class DriverCalls(DispatcherState):
    """The driver's calls. Other sweeps call :meth:`standing`, and Tune's trials call :meth:`next_told`."""

    async def set_stream(self, handle: SharedPickle) -> None:
        """Takes the published stream, for which lanes wait, or which takes another one's place. It stays
        packed: this process has no use for it, and would have to import torch.
        """
        self._stream = handle
        self._wake()

    async def expect(self, lanes: int) -> None:
        """Makes the dispatcher expect lanes 0 .. ``lanes`` - 1."""
        for number in range(lanes):
            self._lanes[number]

    async def drain(self) -> int:
        """Takes no new job, and stops each job under way at its next task boundary. Returns how many are
        under way.
        """
        self._closed = True
        self._jobs.waiting.clear()
        held = self._jobs.under_way(self._lanes.held())
        for state in held:
            state.stopped = True
        self._jobs.wake_all()
        self._told.wake()
        self._wake()
        return len(held)

    async def knows_stream(self) -> bool:
        """Whether :meth:`set_stream` was called, of this dispatcher or the one whose place it took."""
        return self._stream is not None

    async def lanes(self) -> dict[str, dict[int, Any]]:
        """The state of the lanes.

        Returns:
            ``ready``: lane -> seconds that its workers took to come up at first. ``joins``: lane -> how often
            they came up. ``dead``: lane -> reason. ``states``: lane -> state, see
            :class:`~orchestrator.execution.lane_table.LaneEntry`.
        """
        lanes = self._lanes.lanes
        return {
            "ready": {n: e.seconds for n, e in lanes.items() if e.seconds is not None},
            "joins": {n: e.joins for n, e in lanes.items() if e.joins},
            "dead": {n: e.reason for n, e in lanes.items() if e.state == "dead"},
            "states": {n: e.state for n, e in lanes.items()},
        }

    async def standing(self) -> SweepShare:
        """The sweep's lanes on the cluster. Other sweeps ask for them."""
        return self._demand.share()

    async def other_sweeps(self, shares: list[SweepShare]) -> None:
        """Takes what the other sweeps on the cluster have."""
        self._demand.others = shares
        self._wake()

    async def submit(self, job: Job, answered: int = 0) -> None:
        """Hands in a job. A job that is known already is not run twice.

        Args:
            job: The job.
            answered: After how many tasks the driver has said go, to the dispatcher whose place this one
                took.
        """
        if job.id in self._jobs:
            return
        state = self._jobs.add(job, answered)
        if self._lanes.all_dead:
            reason = next(iter(self._lanes.lanes.values())).reason
            state.finish(Outcome("failed", f"no lane is left: {reason}", fatal=True))
            return
        self._jobs.waiting.append(job.id)
        self._wake()

    async def next_report(self, job_id: str, heard: int) -> tuple[str, Any]:
        """The next report or the end of a job. Once the dispatcher is drained no call waits any more, since
        that is an end as well.

        Args:
            job_id: The job's id.
            heard: How many of its reports were heard.

        Returns:
            ``("report", metrics)``, ``("end", Outcome)``, or ``("wait", None)`` after a while.
            ``("unknown", None)`` means that this dispatcher took the place of one that died, and that the job
            is to be handed in again.
        """
        state = self._jobs.get(job_id)
        if state is None:
            return ("end", Outcome("interrupted")) if self._closed else ("unknown", None)
        if heard >= len(state.reports) and state.outcome is None and not self._closed:
            await wait(state.changed)
        if heard < len(state.reports):
            return "report", state.reports[heard]
        if self._closed and state.outcome is None:
            return "end", Outcome("interrupted")
        return ("end", state.outcome) if state.outcome is not None else ("wait", None)

    async def answer(self, job_id: str, task: int) -> None:
        """Lets a job go on after ``task`` tasks."""
        if (state := self._jobs.get(job_id)) is not None:
            state.answers[task] = True
            state.wake()

    async def stop(self, job_id: str) -> None:
        """Stops a job at its next task boundary, or at once where no lane has taken it yet."""
        self._jobs.stop(job_id)

    async def tell(self, trial_id: str, result: dict[str, Any]) -> None:
        """Takes what Tune hears of a trial, see :class:`~orchestrator.execution.told_board.ToldBoard`."""
        self._told.tell(trial_id, result)

    async def next_told(self, trial_id: str, task: int) -> dict[str, Any] | None:
        """What the driver told of a trial. Once the dispatcher is drained no call waits any more.

        Args:
            trial_id: The trial's id.
            task: How many tasks Tune has heard of.

        Returns:
            The result after more tasks than that, or of the trial's end; None: nothing yet, after a while.
        """
        if self._told.newer(trial_id, task) is None and not self._closed:
            await wait(self._told.news)
        told = self._told.newer(trial_id, task)
        return {"task": task, "status": "interrupted"} if told is None and self._closed else told
