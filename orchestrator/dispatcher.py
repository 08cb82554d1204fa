"""The desk between trials and lanes: trials hand in jobs, lanes take them and report; nobody is ever
killed.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

_PATIENCE = 10.0  # seconds a call waits before it answers "nothing yet": the caller asks again
_CRASHES = 2  # times that a job may bring its workers down in one task


@dataclass(frozen=True)
class Job:
    """What a lane does next: ``train`` walks the stream, ``test`` looks at the test splits of a finished
    walk.

    The configuration is ``base`` (nested) with ``values`` (dotted keys). ``folder`` is the trial's own.
    """

    id: str
    kind: Literal["train", "test"]
    base: dict[str, Any]
    values: dict[str, Any]
    folder: Path


@dataclass(frozen=True)
class Outcome:
    """How a job ended. ``metrics``: what a ``test`` job found. ``fatal``: no other job would fare better
    (disk full).
    """

    status: Literal["finished", "stopped", "failed"]
    reason: str = ""
    metrics: dict[str, float] = field(default_factory=dict)
    fatal: bool = False


class _Ticket:
    def __init__(self, job: Job) -> None:
        self.job = job
        self.reports: list[dict[str, float]] = []
        self.answers: dict[int, bool] = {}
        self.stopped = False
        self.outcome: Outcome | None = None
        self.crashes: dict[int, int] = {}
        self.note = ""
        self.changed = asyncio.Event()

    def wake(self) -> None:
        self.changed.set()
        self.changed = asyncio.Event()


class Dispatcher:
    """State of one sweep's jobs and lanes; an asyncio actor in Ray, a plain object in tests.

    Reports are numbered by the tasks done, so that a job that starts again (its worker or its Tune trial
    died) may report its finished tasks once more without being heard twice.
    """

    def __init__(self) -> None:
        self._tickets: dict[str, _Ticket] = {}
        self._pending: deque[str] = deque()
        self._lanes: dict[int, str | None] = {}
        self._idle_crashes: dict[int, int] = {}
        self._ready: dict[int, float] = {}
        self._joins: dict[int, int] = {}
        self._dead: dict[int, str] = {}
        self._stream: Any = None
        self._closed = False
        self._news = asyncio.Event()

    def _wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    # --- the driver ---

    async def set_stream(self, handle: Any) -> None:
        """The published stream, which lanes wait for."""
        self._stream = handle
        self._wake()

    async def drain(self) -> int:
        """No new job is taken and every one under way stops at its next task boundary; answers how many
        are.
        """
        self._closed = True
        self._pending.clear()
        held = [self._tickets[job_id] for job_id in self._lanes.values() if job_id is not None]
        held = [ticket for ticket in held if ticket.outcome is None]
        for ticket in held:
            ticket.stopped = True
            ticket.wake()
        self._wake()
        return len(held)

    async def lanes(self) -> dict[str, dict[int, Any]]:
        """``ready``: lane -> seconds its workers took to come up; ``joins``: how often they came up;
        ``dead``: lane -> reason.
        """
        return {"ready": dict(self._ready), "joins": dict(self._joins), "dead": dict(self._dead)}

    async def lane_died(self, lane: int, reason: str) -> None:
        """A lane's Train run ended early: its job fails, and with the last lane everything that waits."""
        self._dead[lane] = reason
        held = self._lanes.get(lane)
        if held is not None:
            self._finish(self._tickets[held], Outcome("failed", reason))
        self._lanes[lane] = None
        if self._lanes and all(number in self._dead for number in self._lanes):
            while self._pending:
                self._finish(self._tickets[self._pending.popleft()], Outcome("failed", reason, fatal=True))

    # --- a trial ---

    async def submit(self, job: Job) -> None:
        """Hands in a job. One that is already known (the trial was restarted) is attached to, not run
        twice.
        """
        if job.id in self._tickets:
            return
        self._tickets[job.id] = ticket = _Ticket(job)
        if self._lanes and all(number in self._dead for number in self._lanes):
            self._finish(
                ticket, Outcome("failed", "no lane is left: " + next(iter(self._dead.values())), fatal=True)
            )
            return
        self._pending.append(job.id)
        self._wake()

    async def next_report(self, job_id: str, heard: int) -> tuple[str, Any]:
        """``("report", metrics)`` number ``heard`` (from 0), ``("end", Outcome)``, or ``("wait", None)``
        after a while.
        """
        ticket = self._tickets[job_id]
        if heard >= len(ticket.reports) and ticket.outcome is None:
            await _wait(ticket.changed)
        if heard < len(ticket.reports):
            return "report", ticket.reports[heard]
        return ("end", ticket.outcome) if ticket.outcome is not None else ("wait", None)

    async def answer(self, job_id: str, task: int) -> None:
        """Go on after ``task`` tasks."""
        ticket = self._tickets[job_id]
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

    # --- a lane (rank 0 of its worker group) ---

    async def join(self, lane: int, seconds: float) -> Any:
        """Called when a worker group comes up, also after a crash. Answers the stream, None (not published
        yet), or ``"end"``.

        A job that the lane held goes on from its last finished task, unless it brought the workers down twice
        in the same task.
        """
        self._ready.setdefault(lane, seconds)
        self._joins[lane] = self._joins.get(lane, 0) + 1
        held = self._lanes.setdefault(lane, None)
        if held is not None and (ticket := self._tickets[held]).outcome is None:
            task = len(ticket.reports)
            ticket.crashes[task] = ticket.crashes.get(task, 0) + 1
            if ticket.crashes[task] >= _CRASHES:
                why = f"its workers went down {_CRASHES} times in task {task + 1}"
                self._finish(ticket, Outcome("failed", f"{why}: {ticket.note}" if ticket.note else why))
                self._lanes[lane] = None
        else:
            # Workers that die before they have done anything would be restarted for ever.
            self._idle_crashes[lane] = self._idle_crashes.get(lane, 0) + 1
            if self._idle_crashes[lane] > 5:
                await self.lane_died(lane, "its workers keep dying without a job")
                return "end"
        return await self.stream()

    async def stream(self) -> Any:
        """The published stream, or None after a while."""
        if self._stream is None:
            await _wait(self._news)
        return self._stream

    async def next(self, lane: int) -> tuple[str, Job | None]:
        """``("job", job)``, ``("wait", None)`` after a while, or ``("end", None)``."""
        held = self._lanes.get(lane)
        if held is not None and self._tickets[held].outcome is None:
            return "job", self._tickets[held].job
        if not self._pending and not self._closed:
            await _wait(self._news)
        if self._pending:
            self._lanes[lane] = job_id = self._pending.popleft()
            self._idle_crashes[lane] = 0
            return "job", self._tickets[job_id].job
        return ("end", None) if self._closed else ("wait", None)

    async def report(self, job_id: str, metrics: dict[str, float]) -> None:
        """A finished task. One that was heard before is not passed on again."""
        ticket = self._tickets[job_id]
        if int(metrics["task"]) == len(ticket.reports) + 1:
            ticket.reports.append(metrics)
            ticket.wake()

    async def verdict(self, job_id: str, task: int) -> bool | None:
        """What the trial says after ``task`` tasks: go on, stop, or None (not said yet)."""
        ticket = self._tickets[job_id]
        if not ticket.stopped and task not in ticket.answers:
            await _wait(ticket.changed)
        return False if ticket.stopped else ticket.answers.get(task)

    async def note(self, job_id: str, text: str) -> None:
        """What a rank saw before it went down."""
        self._tickets[job_id].note = text

    async def end(self, lane: int, job_id: str, outcome: Outcome) -> None:
        """The lane is done with the job."""
        self._finish(self._tickets[job_id], outcome)
        self._lanes[lane] = None

    def _finish(self, ticket: _Ticket, outcome: Outcome) -> None:
        if ticket.outcome is None:
            ticket.outcome = outcome
        ticket.wake()


async def _wait(event: asyncio.Event) -> None:
    try:
        await asyncio.wait_for(event.wait(), _PATIENCE)
    except TimeoutError:
        return
