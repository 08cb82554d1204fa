"""How far a run's trials are, in a line."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from statistics import median, median_low

from ..schema.shown import shown_time
from .task_seconds import task_seconds
from .trial_entry import TrialEntry
from .trial_store import TrialStore


class RunProgress:
    """How far a run's trials are: tasks done of all, the best trial so far, and the time left.

    The time left adds up, for each task that is left, the median of what the task took in the run's own
    trials and of what passed between two tasks. It is spread over the trials under way. It is not shown
    before each task has been done once. Trials that are stopped early make it shorter.

    Args:
        store: The trials.
        trials: How many trials there will be; 0: that is not known.
        clock: Gives the time in seconds.
    """

    def __init__(self, store: TrialStore, trials: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._trials = trials
        self._clock = clock
        self._last: dict[int, float] = {}  # a trial's number -> the time of its last news
        self._beside: list[float] = []  # what passed beside each task

    def hear(self, entry: TrialEntry, report: Mapping[str, float] | None = None) -> None:
        """Notes that a trial begins, or has finished the task with this report."""
        now = self._clock()
        if report is not None and entry.number in self._last:
            self._beside.append(max(0.0, now - self._last[entry.number] - task_seconds(report)))
        self._last[entry.number] = now

    def text(self) -> str:
        """The line, such as ``11 of 80 tasks  best 63.2 (trial 2)  up to 12 min left``."""
        store = self._store
        done = sum(len(entry.reports) for entry in store.trials.values())
        never = sum(store.tasks - len(e.reports) for e in store.trials.values() if e.status != "running")
        best, seconds = store.best(), self.seconds_left() if self._trials else None
        of = f" of {max(self._trials, len(store.trials)) * store.tasks - never}" if self._trials else ""
        return "  ".join(
            [
                f"{done}{of} tasks",
                *([] if best is None else [self._best(best)]),
                *([] if not seconds else [f"up to {shown_time(seconds)} left"]),
            ]
        )

    def _best(self, best: TrialEntry) -> str:
        if self._store.objective.others:
            return f"Pareto set of {len(self._store.candidates())}"
        return f"best {self._store.value(best):.1f} (trial {best.number + 1})"

    def seconds_left(self) -> float | None:
        """The seconds that the trials will take at most; None as long as a task was not done yet."""
        store, took = self._store, self._took()
        if len(took) < store.tasks:
            return None
        running = [entry for entry in store.trials.values() if entry.status == "running"]
        rests = {entry.number: sum(took[len(entry.reports) :]) for entry in running}
        # Trials that wait for a lane count as running too, but have not been heard of yet.
        under_way = [rest for number, rest in rests.items() if rest and number in self._last]
        left = sum(rests.values()) + max(0, self._trials - len(store.trials)) * sum(took)
        return max([left / max(1, len(under_way)), *under_way])

    def _took(self) -> list[float]:
        """The median of what each task took, as far as each has been done."""
        every = [list(map(task_seconds, entry.reports)) for entry in self._store.trials.values()]
        tasks = max(map(len, every), default=0)
        # The first gaps include a lane's start, which later ones do not have.
        beside = median_low(self._beside) if self._beside else 0.0
        return [beside + median(one[task] for one in every if len(one) > task) for task in range(tasks)]
