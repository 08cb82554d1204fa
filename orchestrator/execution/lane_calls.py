"""The calls by which lanes tell a dispatcher things and ask it."""

from __future__ import annotations

from collections.abc import Iterable

from ..object_store.shared_pickle import SharedPickle
from .dispatcher_state import DispatcherState, wait
from .job import Job, Outcome

_RANKS = 5.0  # seconds that a rank that fails waits for what the others saw
_IDLE_CRASHES = 5  # times that workers may die before they have a job
_ENDS = 3  # times that a lane's Train run may end unasked


class LaneCalls(DispatcherState):
    """The calls of a lane's thread in the driver (:meth:`ended`, :meth:`turn`) and of the lane's workers."""

    # --- a lane's thread in the driver ---

    async def ended(self, lane: int, reason: str, message: str = "") -> str:
        """Takes the end of a lane's Train run. A run that was not asked to end is begun again, a few times.
        After that its job fails, and with the last lane all jobs that wait.

        Args:
            lane: The lane's number.
            reason: Why the run ended.
            message: Identifies this call, which may arrive twice; empty: the call is not repeated.

        Returns:
            What :meth:`turn` returns.
        """
        entry = self._lanes[lane]
        if entry.state in ("parked", "dead") or self._closed:
            return await self.turn(lane)
        if message and message in self._heard:
            return "again"
        self._heard.add(message)
        entry.ends += 1
        if entry.ends < _ENDS:
            entry.state, entry.nodes = "starting", frozenset()
            return "again"
        self._give_up(entry, reason)
        return "over"

    async def turn(self, lane: int) -> str:
        """Says what becomes of a lane that was told to end.

        Returns:
            ``again`` where there is work and room for it, ``over``, or ``wait`` (ask again).
        """
        entry = self._lanes[lane]
        if not self._closed and entry.state == "parked" and not self._demand.wanted():
            await wait(self._news)
        if self._closed or entry.state == "dead":
            return "over"
        if not self._demand.wanted():
            return "wait"
        entry.state = "starting"
        return "again"

    # --- a lane (rank 0 of its worker group) ---

    async def join(self, lane: int, attempt: str, seconds: float, nodes: Iterable[str] = ()) -> str:
        """Takes a worker group that has come up, also after a crash.

        A job that the lane held goes on from its last finished task, unless it brought the workers down twice
        in the same task. The loss of a node does not count.

        Args:
            lane: The lane's number.
            attempt: The name that the group gave itself.
            seconds: How long it took to come up.
            nodes: The nodes that its workers are on.

        Returns:
            What :meth:`stream` returns.
        """
        entry = self._lanes[lane]
        if entry.attempt == attempt:  # it asks once more, since the first answer was lost
            return await self.stream(lane)
        if self._closed or entry.state == "dead":
            return "end"
        entry.attempt = attempt
        lost = self._lanes.on_lost_node(entry)
        entry.seconds = seconds if entry.seconds is None else entry.seconds
        entry.state, entry.nodes, entry.used = "up", frozenset(nodes), entry.job is not None
        entry.joins += 1
        state = None if entry.job is None else self._jobs[entry.job]
        if state is not None and state.outcome is None:
            state.raised = {}
            if not lost and state.crashed("its workers went down"):
                entry.job = None
            state.infeasible = False  # the next attempt may meet something else
        elif not lost:
            # Workers that die before they have done anything would be restarted for ever.
            entry.idle += 1
            if entry.idle > _IDLE_CRASHES:
                self._give_up(entry, "its workers keep dying without a job")
                return "end"
        return await self.stream(lane)

    async def stream(self, lane: int) -> str:
        """Whether the stream is there.

        Returns:
            ``published``; ``wait``, after a while, where it is not there yet; or ``end`` where the lane is
            given up.
        """
        if self._stream is None and not self._closed:
            await wait(self._news)
        if self._closed:
            return "end"
        entry = self._lanes[lane]
        if self._stream is None and entry.job is None and self._demand.leaves(entry):
            entry.state, entry.idle = "parked", 0
            return "end"
        return "wait" if self._stream is None else "published"

    async def published(self) -> SharedPickle | None:
        """The stream, packed, for each rank of a lane that was told ``published``."""
        return self._stream

    async def stream_owner(self) -> str | None:
        """The name of the owner of the published stream's arrays, which no other stream has."""
        return None if self._stream is None else self._stream.store.owner

    async def job(self, job_id: str) -> Job:
        """A job, for each rank of a lane that holds it."""
        return self._jobs[job_id].job

    async def next(self, lane: int, attempt: str) -> tuple[str, str | None]:
        """Says what a worker group does next.

        Returns:
            ``("job", its id)``, ``("wait", None)`` after a while, or ``("end", None)``. ``("join", None)``
            means that the dispatcher which the group had joined has died, and that it is to join this one.
        """
        entry = self._lanes[lane]
        if attempt and not entry.attempt and not self._closed:
            return "join", None
        if entry.attempt != attempt:
            return "end", None
        entry.state = "up"
        if entry.job is not None and self._jobs[entry.job].outcome is None:
            return "job", entry.job
        entry.job = None
        if not self._jobs.waiting and not self._closed and not self._demand.spare():
            await wait(self._news)
        self._jobs.waiting.extendleft(self._lanes.release_lost())
        if self._closed or entry.attempt != attempt:
            return "end", None
        if entry.job is not None:  # the same group was given it meanwhile, and asks once more
            return "job", entry.job
        if self._demand.leaves(entry) or self._demand.spare():
            entry.state, entry.idle = "parked", 0
            return "end", None
        if not self._jobs.waiting:
            return "wait", None
        entry.job, entry.used, entry.idle, entry.ends = self._jobs.waiting.popleft(), True, 0, 0
        return "job", entry.job

    async def report(self, lane: int, attempt: str, job_id: str, metrics: dict[str, float]) -> None:
        """Takes a finished task. A task that was heard before is not passed on again.

        Args:
            lane: The lane's number.
            attempt: The worker group's name. A report of a group that was replaced is dropped.
            job_id: The job's id.
            metrics: Metric -> value, with ``task``, how many tasks are done.
        """
        state = self._held(lane, attempt, job_id)
        if state is not None and int(metrics["task"]) == len(state.reports) + 1:
            state.reports.append(metrics)
            state.wake()

    async def verdict(self, lane: int, attempt: str, job_id: str, task: int) -> bool | None:
        """Whether a trial goes on after a task. The call waits a while for the driver's answer.

        Args:
            lane: The lane's number.
            attempt: The worker group's name.
            job_id: The job's id.
            task: How many tasks are done.

        Returns:
            Whether it goes on; False as well where the lane no longer holds the job. None: there is no answer
            yet.
        """
        state = self._held(lane, attempt, job_id)
        if state is None:
            return False
        if not state.stopped and task not in state.answers:
            await wait(state.changed)
        if self._held(lane, attempt, job_id) is None:
            return False
        return False if state.stopped else state.answers.get(task)

    async def raised(
        self,
        lane: int,
        attempt: str,
        job_id: str,
        rank: int,
        ranks: int,
        line: str,
        outcome: Outcome,
        sure: bool = False,
    ) -> None:
        """Takes what a rank saw before it went down. It returns when all ranks have said what they saw, or
        after a while. Where all saw the same, or one is sure, that is the job's end.

        Args:
            lane: The lane's number.
            attempt: The worker group's name.
            job_id: The job's id.
            rank: The rank.
            ranks: The number of ranks.
            line: The error, in one line.
            outcome: The outcome that the error makes.
            sure: Whether other workers would see the same.
        """
        state = self._held(lane, attempt, job_id)
        if state is None:
            return
        state.said(rank, line, outcome)
        if outcome.fatal or sure or state.alike(ranks):
            state.finish(state.seen())
            self._lanes[lane].job = None
        elif len(state.raised) < ranks:
            await wait(state.changed, _RANKS)
        else:
            state.wake()

    async def end(self, lane: int, attempt: str, job_id: str, outcome: Outcome, message: str = "") -> None:
        """Takes the end of a job.

        Args:
            lane: The lane's number.
            attempt: The worker group's name.
            job_id: The job's id.
            outcome: How the job ended.
            message: Identifies this call, which may arrive twice; empty: the call is not repeated.
        """
        state = self._held(lane, attempt, job_id)
        if state is None or (message and message in self._heard):
            return
        self._heard.add(message)
        if outcome.again and not self._closed:
            state.note = outcome.reason
            if state.crashed("it was tried"):
                self._lanes[lane].job = None
            return
        state.finish(outcome)
        self._lanes[lane].job = None

    async def refuse(self, lane: int, reason: str) -> None:
        """Gives up a lane that can never run anything, since its machine is at fault. Its job goes to another
        lane.
        """
        entry = self._lanes[lane]
        if entry.job is not None and self._jobs[entry.job].outcome is None:
            self._jobs.waiting.appendleft(entry.job)
        entry.job = None
        self._give_up(entry, reason)
        self._wake()
