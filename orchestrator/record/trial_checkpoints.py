"""Which checkpoints of ended trials stay."""

from __future__ import annotations

from collections.abc import Callable

from .trial_entry import TrialEntry
from .trial_store import TrialStore


class TrialCheckpoints:
    """Frees the disk of checkpoints that nobody will ask for.

    Args:
        book: The trials.
        keep_only: Deletes all checkpoints of a trial except the one after a task (from 0).
        all_tested: Whether every trial is tested, not only the best.
    """

    def __init__(
        self, book: TrialStore, keep_only: Callable[[str, int], None], *, all_tested: bool = False
    ) -> None:
        self.all_tested = all_tested
        self._book = book
        self._keep_only = keep_only
        self._candidates = book.candidates()

    def free(self, entry: TrialEntry) -> None:
        """Deletes what an ended trial, and those that might have been chosen before it, need no more.

        Two kinds of ended trials keep more than their last checkpoint. One that may be chosen may be tested.
        A trial whose look at test failed, or is still to come, may be looked at again.
        """
        candidates = self._book.candidates()
        kept = {one.id for one in candidates}
        for ended in {one.id: one for one in (entry, *self._candidates)}.values():
            untested = ended.status == "failed" and len(ended.reports) == self._book.tasks
            untested |= self.all_tested and not self._book.tested(ended.id)
            if ended.id not in kept and ended.reports and not untested:
                self._keep_only(ended.id, len(ended.reports) - 1)
        self._candidates = candidates
