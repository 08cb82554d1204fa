"""The trials of a run, looked at from outside."""

from __future__ import annotations

from pathlib import Path

from ..evaluation.objective import Objective
from ..storage.run_files import trials_of
from .manifest import read_manifest
from .trial_store import TrialStore


class SeenTrials(TrialStore):
    """The trials of a run that another process may be working on. Nothing is written.

    Args:
        run: The run's folder.
        objective: What trials are compared by.

    Raises:
        UserError: As of :class:`~orchestrator.record.trial_store.TrialStore`.
    """

    def __init__(self, run: Path, objective: Objective) -> None:
        super().__init__(trials_of(run), objective, read_manifest(run)["tasks"])
        if not self.tasks:  # a run of before, whose manifest does not say
            done = [len(t.reports) for t in self.trials.values() if t.status == "finished"]
            self.tasks = max(done or [len(t.reports) for t in self.trials.values()], default=0)

    def _count(self) -> None:
        """The driver alone writes the manifest."""
