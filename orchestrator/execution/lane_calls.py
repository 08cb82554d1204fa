"""What lanes say to a dispatcher and ask of it."""

from __future__ import annotations

from collections.abc import Iterable

from ..object_store.shared_pickle import SharedPickle
from .dispatcher_state import DispatcherState, wait
from .job import Job, Outcome

_RANKS = 5.0  # seconds that a rank that fails waits for what the others saw
_IDLE_CRASHES = 5  # times that workers may die before they have a job
_ENDS = 3  # times that a lane's Train run may end unasked


class LaneCalls(DispatcherState):
    """Called by a lane's thread in the driver (:meth:`ended`, :meth:`turn`) and by the lane's workers."""

    # --- a lane's thread in the driver ---

    async def ended(self, lane: int, reason: str, message: str = "") -> str:
        """A lane's Train run ended, ``reason``; answers as :meth:`turn`. One that was not asked to end is
        begun again, a few times; then its job fails, and with the last lane everything that waits.
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
        """What becomes of a lane that was told to end: ``again``, there is work and room for it, ``over``, or
        ``wait`` (ask again).
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
        """Called when a worker group comes up on ``nodes``, also after a crash. Answers as :meth:`stream`.

        A job that the lane held goes on from its last finished task, unless it brought the workers down twice
        in the same task: a node that went is not its doing.
        """
        entry = self._lanes[lane]
        if entry.attempt == attempt:  # it asks once more, its first question's answer being lost
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
        elif not lost:
            # Workers that die before they have done anything would be restarted for ever.
            entry.idle += 1
            if entry.idle > _IDLE_CRASHES:
                self._give_up(entry, "its workers keep dying without a job")
                return "end"
        return await self.stream(lane)

    async def stream(self, lane: int) -> str:
        """``published``: the stream is there, ``wait``: not yet, after a while, or ``end``: the lane is given
        up.
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

    async def job(self, job_id: str) -> Job:
        """A job, for each rank of a lane that holds it."""
        return self._jobs[job_id].job

    async def next(self, lane: int, attempt: str) -> tuple[str, str | None]:
        """``("job", its id)``, ``("wait", None)`` after a while, ``("end", None)``, or ``("join", None)``:
        the dispatcher that the group had joined has died, and it is to join this one.
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
        if entry.job is not None:  # given meanwhile to the same group, which asks once more
            return "job", entry.job
        if self._demand.leaves(entry) or self._demand.spare():
            entry.state, entry.idle = "parked", 0
            return "end", None
        if not self._jobs.waiting:
            return "wait", None
        entry.job, entry.used, entry.idle, entry.ends = self._jobs.waiting.popleft(), True, 0, 0
        return "job", entry.job

    async def report(self, lane: int, attempt: str, job_id: str, metrics: dict[str, float]) -> None:
        """A finished task. One that was heard before is not passed on again."""
        state = self._held(lane, attempt, job_id)
        if state is not None and int(metrics["task"]) == len(state.reports) + 1:
            state.reports.append(metrics)
            state.wake()

    async def verdict(self, lane: int, attempt: str, job_id: str, task: int) -> bool | None:
        """What the trial says after ``task`` tasks: go on, stop, or None (not said yet)."""
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
        world: int,
        line: str,
        outcome: Outcome,
        sure: bool = False,
    ) -> None:
        """What one of ``world`` ranks saw before it went down: ``line``, which makes ``outcome``; ``sure``:
        other workers would see it again.

        Answers when all ranks have said what they saw, or after a while. Where all saw the same, or one is
        sure, that is the job's end.
        """
        state = self._held(lane, attempt, job_id)
        if state is None:
            return
        state.said(rank, line, outcome)
        if outcome.fatal or sure or state.alike(world):
            state.finish(state.seen())
            self._lanes[lane].job = None
        elif len(state.raised) < world:
            await wait(state.changed, _RANKS)
        else:
            state.wake()

    async def end(self, lane: int, attempt: str, job_id: str, outcome: Outcome, message: str = "") -> None:
        """The lane is done with the job. ``message``: known by which, it is not heard twice."""
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
        """The lane can run nothing, ever: its machine is at fault. What it held goes to another one."""
        entry = self._lanes[lane]
        if entry.job is not None and self._jobs[entry.job].outcome is None:
            self._jobs.waiting.appendleft(entry.job)
        entry.job = None
        self._give_up(entry, reason)
        self._wake()
