"""Hands the jobs of one run to the lanes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from .job import Job, Outcome
from .job_listener import JobListener

Ended = Callable[[Job, Outcome], Job | None]


class JobFeed:
    """Hands a run's jobs in, as lanes are free, until all have ended.

    Args:
        jobs: The jobs, in the order in which they begin.
        on_start: Takes each job before it begins.
        on_end: Takes each job that has ended, and its outcome. It may return a job that follows from it and
            begins before the others.
        go: Returns whether to go on. Once it returns False no job begins, and those under way stop at their
            next task.
        listen: Makes the listener. It is given the function that the listener calls at each job's end.
    """

    def __init__(
        self,
        jobs: Iterable[Job],
        on_start: Callable[[Job], object],
        on_end: Ended,
        go: Callable[[], bool],
        listen: Callable[[Callable[[Job, Outcome], None]], JobListener],
    ) -> None:
        self._waiting = deque(jobs)
        self._on_start = on_start
        self._on_end = on_end
        self._go = go
        self._cut_short = False
        self._listener = listen(self._ended)

    def _ended(self, job: Job, outcome: Outcome) -> None:
        if (following := self._on_end(job, outcome)) is not None:
            self._waiting.appendleft(following)

    @property
    def under_way(self) -> int:
        """How many jobs were handed in and have not ended."""
        return len(self._listener.under_way)

    @property
    def over(self) -> bool:
        """Whether all jobs have ended, and the run's functions raised nothing."""
        return not (self._waiting or self.under_way or self._cut_short)

    def hand_in(self, free: int) -> None:
        """Hands in as many jobs as lanes are ``free``; stops all where the run is not to go on."""
        with self._noticing():
            self._hand_in(free)

    def _hand_in(self, free: int) -> None:
        for _ in range(min(free, len(self._waiting))):
            job = self._waiting.popleft()
            self._on_start(job)
            if not self._go():
                break
            self._listener.submit(job)
        if not self._go():
            self._waiting.clear()
            for job_id in self._listener.under_way:
                self._listener.stop(job_id)

    def hear(self, timeout: float) -> None:
        """Takes one job's report or end, and waits for it ``timeout`` seconds at most."""
        if self.under_way:
            with self._noticing():
                self._listener.hear(timeout)

    @contextmanager
    def _noticing(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self._cut_short = True
            raise
