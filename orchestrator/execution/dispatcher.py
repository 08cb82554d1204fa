"""The desk between trials and lanes: trials hand in jobs, lanes take them and report; nobody is ever
killed.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from ..object_store.shared_pickle import SharedPickle
from .fair_share import LaneGifts, SweepShare
from .job import Job, Outcome
from .lane_table import LaneEntry, LaneTable

_PATIENCE = 10.0  # seconds a call waits before it answers "nothing yet": the caller asks again
_CRASHES = 2  # times that a job may bring its workers down in one task
_RANKS = 5.0  # seconds that a rank that fails waits for what the others saw
_IDLE_CRASHES = 5  # times that workers may die before they have a job
_ENDS = 3  # times that a lane's Train run may end unasked


class _JobState:
    def __init__(self, job: Job) -> None:
        self.job = job
        self.reports: list[dict[str, float]] = []
        self.answers: dict[int, bool] = {}
        self.stopped = False
        self.outcome: Outcome | None = None
        self.crashes: dict[int, int] = {}
        self.note = ""
        self.raised: dict[int, tuple[str, Outcome]] = {}
        self.changed = asyncio.Event()

    def wake(self) -> None:
        self.changed.set()
        self.changed = asyncio.Event()


class Dispatcher:
    """State of one sweep's jobs and lanes; an asyncio actor in Ray, a plain object in tests.

    Reports are numbered by the tasks done, so that a job that starts again (its worker or its Tune trial
    died) may report its finished tasks once more without being heard twice. A lane's messages carry its
    worker group's ``attempt``, a name that the group made for itself: what comes from a group that has been
    replaced, or of a job that the lane does not hold, is dropped.

    A desk that Ray started again, the process of the first having died, knows nothing. Whoever asks it for
    what it does not know hands that in anew: the driver the stream, the trials their jobs, and the lanes join
    it, once what they were at has come to its next task boundary.

    ``jobs``: how many are to come in all; lanes that no job will need any more are let go. ``alive``: the ids
    of the cluster's living nodes; None: all live.
    """

    def __init__(self, jobs: int = 0, alive: Callable[[], Iterable[str]] | None = None) -> None:
        self._tickets: dict[str, _JobState] = {}
        self._pending: deque[str] = deque()
        self._to_come = jobs
        self._roll = LaneTable(alive)
        self._neighbours: list[SweepShare] = []
        self._gifts = LaneGifts()
        self._stream: SharedPickle | None = None
        self._closed = False
        self._heard: set[str] = set()
        self._news = asyncio.Event()

    def _wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    # --- the driver ---

    async def set_stream(self, handle: SharedPickle) -> None:
        """The published stream, which lanes wait for: packed, as this process has no use for it, nor for
        torch, which it would have to import.
        """
        self._stream = handle
        self._wake()

    async def expect(self, lanes: int) -> None:
        """Lanes 0 .. ``lanes`` - 1 are on their way."""
        for number in range(lanes):
            self._roll[number]

    async def drain(self) -> int:
        """No new job is taken and every one under way stops at its next task boundary; answers how many
        are.
        """
        self._closed = True
        self._pending.clear()
        held = [self._tickets[job_id] for job_id in self._roll.held()]
        held = [ticket for ticket in held if ticket.outcome is None]
        for ticket in held:
            ticket.stopped = True
        for ticket in self._tickets.values():
            ticket.wake()
        self._wake()
        return len(held)

    async def knows_stream(self) -> bool:
        """Whether :meth:`set_stream` was called, of this desk or the one whose place it took."""
        return self._stream is not None

    async def lanes(self) -> dict[str, dict[int, Any]]:
        """``ready``: lane -> seconds its workers took to come up at first; ``joins``: how often they came up;
        ``dead``: lane -> reason; ``states``: see :class:`~orchestrator.execution.lane_table.LaneEntry`.
        """
        lanes = self._roll.lanes
        return {
            "ready": {n: e.seconds for n, e in lanes.items() if e.seconds is not None},
            "joins": {n: e.joins for n, e in lanes.items() if e.joins},
            "dead": {n: e.reason for n, e in lanes.items() if e.state == "dead"},
            "states": {n: e.state for n, e in lanes.items()},
        }

    async def standing(self) -> SweepShare:
        """What the sweep has of the cluster, for other sweeps to ask."""
        return self._standing()

    async def neighbours(self, standings: list[SweepShare]) -> None:
        """What the other sweeps on the cluster have."""
        self._neighbours = standings
        self._wake()

    # --- a trial ---

    async def submit(self, job: Job) -> None:
        """Hands in a job. One that is already known (the trial was restarted) is attached to, not run
        twice.
        """
        if job.id in self._tickets:
            return
        self._tickets[job.id] = ticket = _JobState(job)
        self._to_come -= 1
        if self._roll.all_dead:
            reason = next(iter(self._roll.lanes.values())).reason
            self._finish(ticket, Outcome("failed", f"no lane is left: {reason}", fatal=True))
            return
        self._pending.append(job.id)
        self._wake()

    async def next_report(self, job_id: str, heard: int) -> tuple[str, Any]:
        """``("report", metrics)`` number ``heard`` (from 0), ``("end", Outcome)``, ``("wait", None)`` after a
        while, or ``("unknown", None)``: this desk took the place of one that died, and the job is to be
        handed in again. Once the desk is drained nobody is kept waiting: that is an end as well.
        """
        ticket = self._tickets.get(job_id)
        if ticket is None:
            return ("end", Outcome("interrupted")) if self._closed else ("unknown", None)
        if heard >= len(ticket.reports) and ticket.outcome is None and not self._closed:
            await _wait(ticket.changed)
        if heard < len(ticket.reports):
            return "report", ticket.reports[heard]
        if self._closed and ticket.outcome is None:
            return "end", Outcome("interrupted")
        return ("end", ticket.outcome) if ticket.outcome is not None else ("wait", None)

    async def answer(self, job_id: str, task: int) -> None:
        """Go on after ``task`` tasks."""
        if (ticket := self._tickets.get(job_id)) is not None:
            ticket.answers[task] = True
            ticket.wake()

    async def stop(self, job_id: str) -> None:
        """Stop at the next task boundary; a job that no lane has taken yet ends at once."""
        ticket = self._tickets.get(job_id)
        if ticket is None:
            return
        ticket.stopped = True
        if job_id in self._pending:
            self._pending.remove(job_id)
            self._finish(ticket, Outcome("stopped"))
        ticket.wake()

    # --- a lane's thread in the driver ---

    async def ended(self, lane: int, reason: str, message: str = "") -> str:
        """A lane's Train run ended, ``reason``; answers as :meth:`turn`. One that was not asked to end is
        begun again, a few times; then its job fails, and with the last lane everything that waits.
        """
        entry = self._roll[lane]
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
        entry = self._roll[lane]
        if not self._closed and entry.state == "parked" and not self._wanted():
            await _wait(self._news)
        if self._closed or entry.state == "dead":
            return "over"
        if not self._wanted():
            return "wait"
        entry.state = "starting"
        return "again"

    # --- a lane (rank 0 of its worker group) ---

    async def join(self, lane: int, attempt: str, seconds: float, nodes: Iterable[str] = ()) -> str:
        """Called when a worker group comes up on ``nodes``, also after a crash. Answers as :meth:`stream`.

        A job that the lane held goes on from its last finished task, unless it brought the workers down twice
        in the same task: a node that went is not its doing.
        """
        entry = self._roll[lane]
        if entry.attempt == attempt:  # it asks once more, its first question's answer being lost
            return await self.stream(lane)
        if self._closed or entry.state == "dead":
            return "end"
        entry.attempt = attempt
        lost = self._roll.on_lost_node(entry)
        entry.seconds = seconds if entry.seconds is None else entry.seconds
        entry.state, entry.nodes, entry.used = "up", frozenset(nodes), entry.job is not None
        entry.joins += 1
        ticket = None if entry.job is None else self._tickets[entry.job]
        if ticket is not None and ticket.outcome is None:
            ticket.raised = {}
            if not lost:
                self._count_crash(entry, ticket, "its workers went down")
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
            await _wait(self._news)
        if self._closed:
            return "end"
        entry = self._roll[lane]
        if self._stream is None and entry.job is None and self._leaves(entry):
            entry.state, entry.idle = "parked", 0
            return "end"
        return "wait" if self._stream is None else "published"

    async def published(self) -> SharedPickle | None:
        """The stream, packed, for each rank of a lane that was told ``published``."""
        return self._stream

    async def job(self, job_id: str) -> Job:
        """A job, for each rank of a lane that holds it."""
        return self._tickets[job_id].job

    async def next(self, lane: int, attempt: str) -> tuple[str, str | None]:
        """``("job", its id)``, ``("wait", None)`` after a while, ``("end", None)``, or ``("join", None)``:
        the desk that the group had joined has died, and it is to join this one.
        """
        entry = self._roll[lane]
        if attempt and not entry.attempt and not self._closed:
            return "join", None
        if entry.attempt != attempt:
            return "end", None
        entry.state = "up"
        if entry.job is not None and self._tickets[entry.job].outcome is None:
            return "job", entry.job
        entry.job = None
        if not self._pending and not self._closed and not self._spare():
            await _wait(self._news)
        self._pending.extendleft(self._roll.release_lost())
        if self._closed or entry.attempt != attempt:
            return "end", None
        if entry.job is not None:  # given meanwhile to the same group, which asks once more
            return "job", entry.job
        if self._leaves(entry) or self._spare():
            entry.state, entry.idle = "parked", 0
            return "end", None
        if not self._pending:
            return "wait", None
        entry.job, entry.used, entry.idle, entry.ends = self._pending.popleft(), True, 0, 0
        return "job", entry.job

    async def report(self, lane: int, attempt: str, job_id: str, metrics: dict[str, float]) -> None:
        """A finished task. One that was heard before is not passed on again."""
        ticket = self._held(lane, attempt, job_id)
        if ticket is not None and int(metrics["task"]) == len(ticket.reports) + 1:
            ticket.reports.append(metrics)
            ticket.wake()

    async def verdict(self, lane: int, attempt: str, job_id: str, task: int) -> bool | None:
        """What the trial says after ``task`` tasks: go on, stop, or None (not said yet)."""
        ticket = self._held(lane, attempt, job_id)
        if ticket is None:
            return False
        if not ticket.stopped and task not in ticket.answers:
            await _wait(ticket.changed)
        if self._held(lane, attempt, job_id) is None:
            return False
        return False if ticket.stopped else ticket.answers.get(task)

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
        ticket = self._held(lane, attempt, job_id)
        if ticket is None:
            return
        ticket.note = outcome.reason if not ticket.note or rank == 0 else ticket.note
        ticket.raised[rank] = line, outcome
        alike = len(ticket.raised) == world and len({seen for seen, _ in ticket.raised.values()}) == 1
        if outcome.fatal or sure or alike:
            said = [ticket.raised[number][1] for number in sorted(ticket.raised)]
            self._finish(ticket, next((one for one in said if one.fatal), said[0]))
            self._roll[lane].job = None
        elif len(ticket.raised) < world:
            await _wait(ticket.changed, _RANKS)
        else:
            ticket.wake()

    async def end(self, lane: int, attempt: str, job_id: str, outcome: Outcome, message: str = "") -> None:
        """The lane is done with the job. ``message``: known by which, it is not heard twice."""
        ticket = self._held(lane, attempt, job_id)
        if ticket is None or (message and message in self._heard):
            return
        self._heard.add(message)
        if outcome.again and not self._closed:
            ticket.note = outcome.reason
            self._count_crash(self._roll[lane], ticket, "it was tried")
            return
        self._finish(ticket, outcome)
        self._roll[lane].job = None

    async def refuse(self, lane: int, reason: str) -> None:
        """The lane can run nothing, ever: its machine is at fault. What it held goes to another one."""
        entry = self._roll[lane]
        if entry.job is not None and self._tickets[entry.job].outcome is None:
            self._pending.appendleft(entry.job)
        entry.job = None
        self._give_up(entry, reason)
        self._wake()

    # --- what follows from all that ---

    def _held(self, lane: int, attempt: str, job_id: str) -> _JobState | None:
        """The job's ticket where the lane's present worker group holds it."""
        entry = self._roll[lane]
        return self._tickets[job_id] if entry.attempt == attempt and entry.job == job_id else None

    def _standing(self) -> SweepShare:
        up = self._roll.count("up")
        return SweepShare(up, min(self._roll.count("starting"), max(0, self._work() - up)))

    def _work(self) -> int:
        """Jobs that are held, that wait and that are to come."""
        return len(self._roll.held()) + len(self._pending) + max(0, self._to_come)

    def _spare(self) -> bool:
        """Whether there are more lanes than jobs; one stays, for a look at test data may follow."""
        return not self._pending and self._roll.count("up") > max(1, self._work())

    def _leaves(self, entry: LaneEntry) -> bool:
        """Whether a lane that holds no job is given up to another sweep."""
        return self._gifts.leaves(self._standing(), self._neighbours, entry.used)

    def _wanted(self) -> bool:
        """Whether one more lane would have work, and may be had."""
        if self._work() <= self._roll.count("up", "starting"):
            return False
        return self._gifts.may_ask(self._standing(), self._neighbours)

    def _count_crash(self, entry: LaneEntry, ticket: _JobState, what: str) -> None:
        task = len(ticket.reports)
        ticket.crashes[task] = ticket.crashes.get(task, 0) + 1
        if ticket.crashes[task] >= _CRASHES:
            why = f"{what} {_CRASHES} times in task {task + 1}"
            self._finish(ticket, Outcome("failed", f"{why}: {ticket.note}" if ticket.note else why))
            entry.job = None

    def _give_up(self, entry: LaneEntry, reason: str) -> None:
        entry.state, entry.reason = "dead", reason
        if entry.job is not None:
            self._finish(self._tickets[entry.job], Outcome("failed", reason))
            entry.job = None
        if self._roll.all_dead:
            while self._pending:
                self._finish(self._tickets[self._pending.popleft()], Outcome("failed", reason, fatal=True))

    def _finish(self, ticket: _JobState, outcome: Outcome) -> None:
        if ticket.outcome is None:
            ticket.outcome = outcome
        ticket.wake()


async def _wait(event: asyncio.Event, seconds: float | None = None) -> None:
    try:
        await asyncio.wait_for(event.wait(), _PATIENCE if seconds is None else seconds)
    except TimeoutError:
        return
