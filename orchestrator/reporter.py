"""The small door between the walk over a stream and whoever listens to it."""

from __future__ import annotations

from typing import Protocol


class Reporter(Protocol):
    """Told of every finished task by rank 0, in order, starting from the first task also after a restart."""

    def report(self, metrics: dict[str, float]) -> bool:
        """Takes the metrics of a task (``metrics["task"]`` tasks are done); answers whether to go on."""


class CollectingReporter:
    """Keeps what is reported and always says go on: for plain processes, tests and benchmarks."""

    def __init__(self) -> None:
        self.reports: list[dict[str, float]] = []

    def report(self, metrics: dict[str, float]) -> bool:
        self.reports.append(metrics)
        return True
