"""The budget of a sweep that runs."""

from __future__ import annotations

from pathlib import Path

from ..execution.cluster_resources import cluster_resources
from ..execution.placement import worker_gpus
from ..record.manifest import asked_for
from ..record.recorder import RunRecorder
from ..record.trial_store import TrialStore
from ..run_options import RunOptions
from ..schema.shown import shown_time
from ..search.budget import Budget
from ..search.spending import Spending


class SweepBudget:
    """The budget of a sweep that runs. A sweep without one has an object of this class too.

    Args:
        folder: The sweep's folder.
        budget: What its trials may spend; None: it has a number of trials.
        most: How many trials there may be.
        few: How many trials end a search that spends nothing.

    Attributes:
        open: Whether the number of trials to which the budget comes is not known yet.
    """

    def __init__(self, folder: Path, budget: Budget | None, most: int, few: int) -> None:
        self.open = budget is not None and not asked_for(folder)
        self._folder = folder
        self._budget = budget
        self._most = most
        self._few = few

    def trials(self) -> int:
        """How many trials the sweep is to have; while that is open, how many at most."""
        return (asked_for(self._folder) if self._budget is not None else 0) or self._most

    @property
    def more(self) -> str:
        """The option that doubles the sweep's budget; empty where it has none."""
        return "" if self._budget is None else self._budget.doubled.option

    def check(self, run: RunOptions) -> None:
        """Checks that trials use it up on the machines of the open session.

        Args:
            run: The run's options.

        Raises:
            UserError: They hold no GPU, and the budget is in GPU-hours. The message is one line.
        """
        if self._budget is not None and self._budget.of_gpus:
            self._budget.check_gpus(worker_gpus(run, cluster_resources().nodes))

    def spending(self, recorder: RunRecorder) -> Spending | None:
        """Decides whether another trial is begun; None: the number of trials alone does.

        Args:
            recorder: The sweep's record.
        """
        if self._budget is None or not self.open:
            return None

        def write_down(count: int) -> bool:
            return recorder.safely(recorder.came_to, count)

        known = recorder.store.trials
        return Spending(self._budget, known, few=self._few, most=self._most, came_to=write_down)

    def said(self, store: TrialStore) -> str:
        """What the trials have spent of the budget, in a form for people; empty where there is none."""
        if self._budget is None:
            return ""
        spent = sum(self._budget.spent(trial.reports) for trial in store.trials.values())
        shown = f"{spent:.2f}" if self._budget.of_gpus else shown_time(3600 * spent)
        return f"{shown} of {self._budget.text}"
