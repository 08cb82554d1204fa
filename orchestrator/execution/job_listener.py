"""Hears the dispatcher for the driver: what jobs report, and how they end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from .calls import ask
from .job import Job, Outcome


@dataclass
class _Followed:
    """A job, how many of its reports were heard, and after how many tasks it was told to go on."""

    job: Job
    heard: int = 0
    answered: int = 0


class JobListener:
    """Hands jobs to the dispatcher and hears what becomes of them. Nothing else in a sweep or a run does so.

    A report is heard here once. ``on_report``, which is the record, has it first. Then ``judge`` has it, and
    says go or stop by :meth:`answer`, at once or later. The lane waits for that.

    A dispatcher that replaced one that died is told again what it has to know. The lanes report to it again
    what they have finished meanwhile.

    Args:
        dispatcher: The actor.
        on_report: Takes a job and the metrics of a task that it has finished.
        on_end: Takes a job and how it ended.
        judge: Takes a job, how many tasks it has done, and the last one's metrics; None: all go on.
        scope: The prefix of each job's id at the dispatcher. It keeps apart the jobs of several runs with one
            dispatcher, whose ids may be the same.

    Attributes:
        done: How many reports were heard.
    """

    def __init__(
        self,
        dispatcher: Any,
        on_report: Callable[[Job, dict[str, float]], object],
        on_end: Callable[[Job, Outcome], object],
        judge: Callable[[Job, int, dict[str, float]], object] | None = None,
        scope: str = "",
    ) -> None:
        self.done = 0
        self._scope = scope
        self._dispatcher = dispatcher
        self._on_report = on_report
        self._on_end = on_end
        self._judge = judge or (lambda job, task, metrics: self.answer(job.id, task, go=True))
        self._followed: dict[str, _Followed] = {}
        self._asked: dict[Any, str] = {}
        self._told: dict[str, dict[str, Any]] = {}

    @property
    def under_way(self) -> list[str]:
        """The ids of the jobs that were handed in and have not ended."""
        return list(self._followed)

    def submit(self, job: Job) -> None:
        """Hands in a job, once."""
        if job.id not in self._followed:
            self._followed[job.id] = _Followed(job)
            self._hand_in(job.id)
            self._listen(job.id)

    def hear(self, timeout: float) -> bool:
        """Takes the next report or end of any job.

        Args:
            timeout: How many seconds to wait for it.

        Returns:
            Whether there was one.
        """
        import ray
        from ray.exceptions import ActorUnavailableError

        if not self._asked:
            return False
        ready, _ = ray.wait(list(self._asked), timeout=timeout)
        if not ready:
            return False
        followed = self._followed[self._asked.pop(ready[0])]
        try:
            kind, found = ray.get(ready[0])
        except ActorUnavailableError:
            kind, found = ask(self._dispatcher, "next_report", self._scope + followed.job.id, followed.heard)
        self._take(followed, kind, found)
        return True

    def _take(self, followed: _Followed, kind: str, found: Any) -> None:
        job = followed.job
        if kind == "end":
            del self._followed[job.id]
            self._on_end(job, found)
            return
        if kind == "report":
            followed.heard += 1
            self.done += 1
            self._on_report(job, found)
            self._judge(job, followed.heard, found)
        elif kind == "unknown":
            self._hand_in(job.id)
        if job.id in self._followed:
            self._listen(job.id)

    def answer(self, job_id: str, task: int, go: bool) -> None:
        """Says whether a job goes on. A job that does not go on is not heard any more.

        Args:
            job_id: The job's id, without the scope.
            task: How many tasks the job has done.
            go: Whether it goes on.
        """
        if not go:
            self.stop(job_id)
            self.forget(job_id)
        elif (followed := self._followed.get(job_id)) is not None:
            followed.answered = max(followed.answered, task)
            ask(self._dispatcher, "answer", self._scope + job_id, task)

    def stop(self, job_id: str) -> None:
        """Ends a job at its next task boundary."""
        ask(self._dispatcher, "stop", self._scope + job_id)

    def forget(self, job_id: str) -> None:
        """Hears nothing more of a job."""
        self._followed.pop(job_id, None)
        self._asked = {asked: name for asked, name in self._asked.items() if name != job_id}

    def tell(self, job_id: str, result: dict[str, Any]) -> None:
        """Sets what the Tune trial of a job hears next, until :meth:`untell`."""
        self._told[job_id] = result
        ask(self._dispatcher, "tell", self._scope + job_id, result)

    def untell(self, job_id: str) -> None:
        """Forgets what a Tune trial would hear, since Tune no longer has the trial."""
        self._told.pop(job_id, None)

    def tell_again(self) -> None:
        """Tells a dispatcher that took the place of one that died all that the last one knew."""
        for job_id in self._followed:
            self._hand_in(job_id)
        for job_id, result in self._told.items():
            ask(self._dispatcher, "tell", self._scope + job_id, result)

    def _hand_in(self, job_id: str) -> None:
        followed = self._followed[job_id]
        job = replace(followed.job, id=self._scope + job_id) if self._scope else followed.job
        ask(self._dispatcher, "submit", job, followed.answered)

    def _listen(self, job_id: str) -> None:
        followed = self._followed[job_id]
        self._asked[self._dispatcher.next_report.remote(self._scope + job_id, followed.heard)] = job_id
