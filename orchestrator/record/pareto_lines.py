"""A Pareto set for people."""

from __future__ import annotations

from .shown_objective import shown_objective
from .trial_store import TrialStore


def pareto_lines(store: TrialStore) -> list[str]:
    """A heading and the Pareto set as a table, where it is of trials that walked the whole stream; nothing
    for one objective.
    """
    found = store.pareto_set() if store.objective.others else None
    if found is None or not found.measured:
        return []
    head = "Pareto set (validation): no other trial is as good in every objective and better in one"
    return [head, *found.lines]


def pareto_said(store: TrialStore) -> list[str]:
    """Which trial is suggested, and that it is a suggestion; nothing where the Pareto set is empty."""
    found = store.pareto_set()
    if found.knee is None:
        return []
    told = found.objective.told(found.knee.reports)
    values = [f"{metric} {shown_objective(metric, value)}" for metric, value in told.items()]
    if len(found.trials) == 1:
        return [f"Trial {found.knee.number + 1} is the whole Pareto set: {', '.join(values)}"]
    return [
        f"Suggested: trial {found.knee.number + 1}, the knee of the Pareto set: {', '.join(values)}",
        "  A suggestion: what one objective is worth in another one is yours to say.",
    ]
