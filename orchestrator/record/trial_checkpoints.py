"""Decides which checkpoints of ended trials stay."""

from __future__ import annotations

from collections.abc import Callable, Collection

from ..run_options import Keep
from .trial_entry import TrialEntry
from .trial_store import TrialStore


class TrialCheckpoints:
    """Frees the disk of checkpoints that will not be needed.

    Args:
        store: The trials.
        keep_only: Deletes all checkpoints of a trial except the one after a task (from 0).
        all_tested: Whether every trial is tested, not only the best.
        keep: See :attr:`~orchestrator.run_options.RunOptions.keep`.
    """

    def __init__(
        self,
        store: TrialStore,
        keep_only: Callable[[str, int], None],
        *,
        all_tested: bool = False,
        keep: Keep = "chosen",
    ) -> None:
        self.all_tested = all_tested
        self.keep = keep
        self._store = store
        self._keep_only = keep_only
        self._candidates = store.candidates()

    def free(self, entry: TrialEntry) -> None:
        """Deletes the checkpoints that an ended trial, and earlier candidates for the choice, need no more.

        The last checkpoint stays in any case. A look at test needs the checkpoints of all tasks. A trial
        keeps them while its look is still to come or has failed, and while it may be chosen. A later, better
        trial may rule a candidate out, and never makes one of a trial that was ruled out.
        """
        candidates = self._store.candidates()
        chosen = {one.id for one in candidates}
        for ended in {one.id: one for one in (entry, *self._candidates)}.values():
            if ended.reports and not self._keeps_all(ended, chosen):
                self._keep_only(ended.id, len(ended.reports) - 1)
        self._candidates = candidates

    def _keeps_all(self, ended: TrialEntry, chosen: Collection[str]) -> bool:
        if self.keep == "all" or (ended.status == "failed" and len(ended.reports) == self._store.tasks):
            return True
        if not self.all_tested and ended.id not in chosen:
            return False
        return self.keep == "chosen" or not self._store.tested(ended.id)
