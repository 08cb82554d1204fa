"""Decides whether a search with a budget begins another trial."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean, median
from typing import TYPE_CHECKING, Any

from .budget import Budget

if TYPE_CHECKING:
    from ..record.trial_entry import TrialEntry


class Spending:
    """Decides whether a search begins another trial within its budget.

    A trial is begun while the spending of all trials is less than the budget. The spending of a trial under
    way is what it will have spent once it ends: it is expected to spend as much as those that finished or
    were stopped spent on average. Where that expectation alone uses up the budget, the search waits until a
    trial ends, and decides again. The last trial walks on, so that a search spends its budget and the rest of
    one trial. Until a first trial has ended nothing is expected: each lane begins one, and a budget of less
    than these trials is overspent by them.

    The task in which a trial failed has no report. It counts with the median of what that task took in other
    trials. Where no trial has spent anything, a search ends after ``few`` trials.

    The search decides once that the budget is used up. It then writes down to how many trials it has come, so
    that a resumed search has the same trials, whatever these took.

    Tune pickles its arguments, and nobody reads the pickles. This object is therefore not copied.

    Args:
        budget: The budget.
        trials: The search's trials by id. The mapping changes while the search runs.
        few: How many trials end a search that spends nothing.
        most: How many trials it may have at most.
        came_to: Takes the number of trials to which it has come, and returns whether that could be written
            down.

    Attributes:
        count: To how many trials it has come; None: that is still open.
    """

    def __init__(
        self,
        budget: Budget,
        trials: Mapping[str, TrialEntry],
        *,
        few: int,
        most: int,
        came_to: Callable[[int], bool],
    ) -> None:
        self.count: int | None = None
        self._budget = budget
        self._trials = trials
        self._few = few
        self._most = most
        self._came_to = came_to

    def __reduce__(self) -> tuple[type[str], tuple[str]]:
        return str, ("the spending of another process",)

    def __deepcopy__(self, _: dict[int, Any]) -> Spending:
        return self

    def more(self) -> bool | None:
        """Whether another trial is begun; None: not before a trial under way has ended."""
        if self.count is not None:
            return False
        trials = list(self._trials.values())
        spent = {trial.id: self._budget.spent(trial.reports) for trial in trials}
        failed = Counter(len(trial.reports) for trial in trials if trial.status == "failed")
        total = sum(spent.values()) + sum(n * self._lost(task, trials) for task, n in failed.items())
        running = [trial for trial in trials if trial.status == "running"]
        idle = not total and len(trials) - len(running) >= self._few
        if total >= self._budget.hours or len(trials) >= self._most or idle:
            self.end()
            return False
        whole = [spent[trial.id] for trial in trials if trial.status in ("finished", "stopped")]
        usual = fmean(whole) if whole else 0.0
        coming = sum(max(0.0, usual - spent[trial.id]) for trial in running)
        return True if total + coming < self._budget.hours else None

    def end(self) -> None:
        """Writes down that the search has come to the number of trials that there are."""
        if self.count is None and self._came_to(len(self._trials)):
            self.count = len(self._trials)

    def _lost(self, task: int, trials: Sequence[TrialEntry]) -> float:
        """What a task in which a trial failed took in other trials."""
        took = [self._budget.spent([one.reports[task]]) for one in trials if len(one.reports) > task]
        return median(took) if took else 0.0
