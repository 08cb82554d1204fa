"""The jobs that a sweep has handed in, and the state of each."""

from __future__ import annotations

import asyncio
from collections import deque

from .job import Job, Outcome

_CRASHES = 2  # times that a job may bring its workers down in one task


class JobState:
    """One job: its reports so far, what was said to them, and how it ended.

    Args:
        job: The job.
        answered: After how many tasks the driver has said go.
    """

    def __init__(self, job: Job, answered: int = 0) -> None:
        self.job = job
        self.reports: list[dict[str, float]] = []
        self.answers = dict.fromkeys(range(1, answered + 1), True)
        self.stopped = False
        self.outcome: Outcome | None = None
        self.crashes: dict[int, int] = {}
        self.note = ""
        self.infeasible = False
        self.raised: dict[int, tuple[str, Outcome]] = {}
        self.changed = asyncio.Event()

    def wake(self) -> None:
        """Wakes the calls that wait for a change."""
        self.changed.set()
        self.changed = asyncio.Event()

    def finish(self, outcome: Outcome) -> None:
        """Ends the job. Its first outcome holds."""
        if self.outcome is None:
            self.outcome = outcome
        self.wake()

    def crashed(self, what: str) -> bool:
        """Counts that the job brought its workers down. Returns whether it failed by that."""
        task = len(self.reports)
        self.crashes[task] = self.crashes.get(task, 0) + 1
        if self.crashes[task] < _CRASHES:
            return False
        why = f"{what} {_CRASHES} times in task {task + 1}"
        reason = f"{why}: {self.note}" if self.note else why
        self.finish(Outcome("failed", reason, infeasible=self.infeasible))
        return True

    def said(self, rank: int, line: str, outcome: Outcome) -> None:
        """Takes what a rank saw before it went down.

        Args:
            rank: The rank.
            line: The error, in one line.
            outcome: The outcome that the error makes.
        """
        self.note = outcome.reason if not self.note or rank == 0 else self.note
        # Ranks whose memory is full report different numbers, so that their lines differ.
        self.infeasible = self.infeasible or outcome.infeasible
        self.raised[rank] = line, outcome

    def alike(self, ranks: int) -> bool:
        """Whether all ranks, ``ranks`` of them, saw the same error."""
        return len(self.raised) == ranks and len({seen for seen, _ in self.raised.values()}) == 1

    def seen(self) -> Outcome:
        """The outcome that the ranks saw: a fatal one where there is one, else that of the first rank."""
        said = [self.raised[number][1] for number in sorted(self.raised)]
        return next((one for one in said if one.fatal), said[0])


class JobTable:
    """The jobs by id, and those that wait for a lane, in order.

    Args:
        to_come: How many jobs are to be handed in, in all.
    """

    def __init__(self, to_come: int) -> None:
        self.waiting: deque[str] = deque()
        self.to_come = to_come
        self._states: dict[str, JobState] = {}

    def __contains__(self, job_id: str) -> bool:
        return job_id in self._states

    def __getitem__(self, job_id: str) -> JobState:
        return self._states[job_id]

    def get(self, job_id: str) -> JobState | None:
        """The job's state; None where it is not known."""
        return self._states.get(job_id)

    def add(self, job: Job, answered: int) -> JobState:
        """Takes a job that was handed in. It does not wait for a lane yet.

        Args:
            job: The job.
            answered: See :class:`JobState`.
        """
        self._states[job.id] = state = JobState(job, answered)
        self.to_come -= 1
        return state

    def stop(self, job_id: str) -> None:
        """Ends a job at its next task boundary, or at once where no lane has taken it yet."""
        if (state := self.get(job_id)) is None:
            return
        state.stopped = True
        if job_id in self.waiting:
            self.waiting.remove(job_id)
            state.finish(Outcome("stopped"))
        state.wake()

    def under_way(self, held: list[str]) -> list[JobState]:
        """The jobs, among those that lanes hold, that have not ended."""
        return [self._states[job_id] for job_id in held if self._states[job_id].outcome is None]

    def fail_waiting(self, reason: str) -> None:
        """Fails the jobs that wait, since no lane is left for them."""
        while self.waiting:
            self[self.waiting.popleft()].finish(Outcome("failed", reason, fatal=True))

    def wake_all(self) -> None:
        """Wakes the calls that wait for any job."""
        for state in self._states.values():
            state.wake()
