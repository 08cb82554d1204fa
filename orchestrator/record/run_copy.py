"""The copy of a run at a storage, if there is one."""

from __future__ import annotations

from ..storage import checkpoint
from ..storage.run_storage import RunStorage
from .trial_store import TrialStore


class RunCopy:
    """The copy of a run at a storage. Without a storage its methods do nothing but free the run's own disk.

    Args:
        kept: The run at the storage; None: there is none.
        store: The run's trials.
    """

    def __init__(self, kept: RunStorage | None, store: TrialStore) -> None:
        self.kept = kept
        self._store = store

    def pull(self, trial_id: str) -> None:
        """See :meth:`~orchestrator.storage.run_storage.RunStorage.pull`."""
        if self.kept is not None:
            self.kept.pull(trial_id)

    def push(self, trial_id: str) -> None:
        """See :meth:`~orchestrator.storage.run_storage.RunStorage.push`."""
        if self.kept is not None:
            self.kept.push(trial_id)

    def push_proposal(self, trial_id: str) -> None:
        """See :meth:`~orchestrator.storage.run_storage.RunStorage.push_proposal`."""
        if self.kept is not None:
            self.kept.push_proposal(trial_id)

    def push_manifest(self) -> None:
        """See :meth:`~orchestrator.storage.run_storage.RunStorage.push_manifest`."""
        if self.kept is not None:
            self.kept.push_manifest()

    def push_verdicts(self, trial_id: str) -> None:
        """See :meth:`~orchestrator.storage.run_storage.RunStorage.push_verdicts`."""
        if self.kept is not None:
            self.kept.push_verdicts(trial_id)

    def push_all(self) -> None:
        """See :meth:`~orchestrator.storage.run_storage.RunStorage.push_all`."""
        if self.kept is not None:
            self.kept.push_all()

    def keep_only(self, trial_id: str, task: int) -> None:
        """Deletes all checkpoints of a trial except the one after ``task`` (from 0), where they are kept."""
        if self.kept is None:
            checkpoint.keep_only(self._store.trial_folder(trial_id), task)
        else:
            self.kept.keep_only(trial_id, task)
