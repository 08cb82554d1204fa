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
        self._best = book.best()

    def free(self, entry: TrialEntry) -> None:
        """Deletes what an ended trial, and the best trial before it, need no more.

        Two kinds of ended trials keep more than their last checkpoint. The best so far may be tested. A trial
        whose look at test failed, or is still to come, may be looked at again.
        """
        best = self._book.best()
        for ended in {id(t): t for t in (entry, self._best) if t is not None}.values():
            untested = ended.status == "failed" and len(ended.reports) == self._book.tasks
            untested |= self.all_tested and not self._book.tested(ended.id)
            if ended is not best and ended.reports and not untested:
                self._keep_only(ended.id, len(ended.reports) - 1)
        self._best = best
