"""Says why a search has chosen nothing."""

from __future__ import annotations

from ..record.trial_store import TrialStore


def nothing_chosen(store: TrialStore) -> str:
    """Why a search has chosen nothing, in a few words.

    Args:
        store: Its trials, none of which is the best.
    """
    beyond = store.pareto_set().beyond if store.objective.others else 0
    return "no trial is within all bounds" if beyond else "no trial walked the whole stream"
