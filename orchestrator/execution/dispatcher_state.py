"""The state of a dispatcher, and the wait of a call for news."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from ..object_store.shared_pickle import SharedPickle
from .job import Outcome
from .job_table import JobState, JobTable
from .lane_demand import LaneDemand
from .lane_table import LaneEntry, LaneTable
from .told_board import ToldBoard

_PATIENCE = 10.0  # seconds that a call waits before it answers "nothing yet" and the caller asks again


class DispatcherState:
    """A sweep's jobs, lanes and published stream. The arguments are those of
    :class:`~orchestrator.execution.dispatcher.Dispatcher`.
    """

    def __init__(self, jobs: int = 0, alive: Callable[[], Iterable[str]] | None = None) -> None:
        self._jobs = JobTable(jobs)
        self._lanes = LaneTable(alive)
        self._demand = LaneDemand(self._lanes, self._jobs)
        self._told = ToldBoard()
        self._stream: SharedPickle | None = None
        self._closed = False
        self._heard: set[str] = set()
        self._news = asyncio.Event()

    def _wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    def _held(self, lane: int, attempt: str, job_id: str) -> JobState | None:
        """The job's state where the lane's present worker group holds it."""
        entry = self._lanes[lane]
        return self._jobs[job_id] if entry.attempt == attempt and entry.job == job_id else None

    def _give_up(self, entry: LaneEntry, reason: str) -> None:
        entry.state, entry.reason = "dead", reason
        if entry.job is not None:
            self._jobs[entry.job].finish(Outcome("failed", reason))
            entry.job = None
        if self._lanes.all_dead:
            self._jobs.fail_waiting(reason)


async def wait(event: asyncio.Event, seconds: float | None = None) -> None:
    """Waits for an event, for at most ``seconds``; None: as long as a call waits."""
    try:
        await asyncio.wait_for(event.wait(), _PATIENCE if seconds is None else seconds)
    except TimeoutError:
        return
