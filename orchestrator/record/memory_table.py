"""Makes a table of what each replay memory is worth."""

from __future__ import annotations

from ..schema.shown import shown_score
from .memory_worth import MEMORY_SIZE
from .trial_store import TrialStore


def memory_table(store: TrialStore) -> str:
    """A table with a line for each replay memory; empty where its size is not searched.

    A line has the size in samples (of each class, where it is ``per_class``), what the memory holds after
    the last task in bytes, the objective of the best trial with that memory, the trial's number, and how many
    such trials walked the whole stream. The objective has a star where no smaller memory is as good. These
    lines are the Pareto set of accuracy and memory.
    """
    worth = store.memory_worth()
    if not worth:
        return ""
    rows = [[MEMORY_SIZE, "bytes", store.objective.metric.removeprefix("validation/"), "trial", "trials"]]
    for one in worth:
        held = "-" if one.bytes is None else f"{int(one.bytes):,}"
        score = shown_score(one.value) + ("*" if one.pareto else " ")
        size = f"{one.size} {one.budget}" if one.budget else str(one.size)
        rows.append([size, held, score, str(one.best.number + 1), str(one.trials)])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(c.rjust(w) for c, w in zip(row, widths, strict=True)) for row in rows]
    return "\n".join([*lines, "* no smaller memory is as good"])


def memory_choice(store: TrialStore) -> str:
    """Why the chosen trial is not the one with the best value, in one line; empty where it is."""
    best, leader = store.best(), store.leader()
    if best is None or leader is None or best.id == leader.id or store.objective.others:
        return ""
    return (
        f"the smallest memory within {store.objective.margin:g} of trial {leader.number + 1}, which has "
        f"{shown_score(store.value(leader))} with {MEMORY_SIZE} {leader.values[MEMORY_SIZE]}"
    )
