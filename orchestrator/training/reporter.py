"""The small interface between the walk over a stream and its listener."""

from __future__ import annotations

from typing import Protocol


class Reporter(Protocol):
    """Takes every finished task from rank 0, in order, and again from the first task after a restart.

    An answer of None means that there is no answer yet. The walk then asks again by :meth:`answer`, so that
    the other ranks hear something in the meantime, however long the verdict takes.
    """

    def report(self, metrics: dict[str, float]) -> bool | None:
        """Takes the metrics of a task (``metrics["task"]`` tasks are done) and answers whether to go on."""

    def answer(self, task: int) -> bool | None:
        """Answers whether to go on after ``task`` tasks. It is asked where :meth:`report` had no answer."""


class CollectingReporter:
    """Keeps what is reported and always answers to go on: for plain processes, tests and benchmarks."""

    def __init__(self) -> None:
        self.reports: list[dict[str, float]] = []

    def report(self, metrics: dict[str, float]) -> bool | None:
        self.reports.append(metrics)
        return True

    def answer(self, task: int) -> bool | None:
        return True
