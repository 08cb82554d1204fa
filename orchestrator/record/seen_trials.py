"""Reads the trials of a run from outside."""

from __future__ import annotations

from pathlib import Path

from ..evaluation.objective import Objective
from ..storage.run_files import trials_of
from .manifest import read_manifest
from .trial_store import TrialStore


class SeenTrials(TrialStore):
    """The trials of a run on which another process may be working. Nothing is written.

    Args:
        run: The run's folder.
        objective: The metric by which trials are compared.

    Raises:
        UserError: As of :class:`~orchestrator.record.trial_store.TrialStore`.
    """

    def __init__(self, run: Path, objective: Objective) -> None:
        super().__init__(trials_of(run), objective, read_manifest(run)["tasks"])
        if not self.tasks:  # a run of an earlier version, whose manifest does not say
            done = [len(t.reports) for t in self.trials.values() if t.status == "finished"]
            self.tasks = max(done or [len(t.reports) for t in self.trials.values()], default=0)

    def _count(self) -> None:
        """The driver alone writes the manifest."""
