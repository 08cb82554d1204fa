"""Finds the best trials of a search."""

from __future__ import annotations

from ..record.trial_entry import TrialEntry
from ..record.trial_store import TrialStore


def best_few(store: TrialStore, count: int) -> list[TrialEntry]:
    """The trials that a search chooses first, second and so on, each as if those before it were not there.

    The margin for a smaller memory counts in each of these choices. A trial that failed or was stopped is
    never among them.

    Args:
        store: The search's trials. It stays as it is.
        count: How many trials at most.
    """
    every, found = dict(store.trials), list[TrialEntry]()
    try:
        while len(found) < count and (best := store.best()) is not None:
            found.append(best)
            store.trials = {name: trial for name, trial in store.trials.items() if name != best.id}
    finally:
        store.trials = every
    return found
