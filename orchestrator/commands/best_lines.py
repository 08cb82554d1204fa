"""The lines that a sweep prints last on its best trial."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..metrics.measures import shown_metrics, unit
from ..record.memory_table import memory_choice
from ..record.pareto_lines import pareto_said
from ..record.trial_entry import TrialEntry
from ..record.trial_store import TrialStore
from ..schema.shown import shown_score, shown_value
from ..search.space import Space
from .checkpoint_lines import checkpoint_lines
from .config_of import config_of
from .in_rows import in_rows


def best_lines(
    folder: Path,
    space: Space,
    store: TrialStore,
    best: TrialEntry,
    tested: Mapping[str, float],
    protocol: str,
    test: bool,
) -> list[str]:
    """The lines on the best trial: its values, how it was chosen, and its figures on test data.

    Args:
        folder: The sweep's folder.
        space: The search space.
        store: The sweep's trials.
        best: The best trial.
        tested: Its figures on test data; empty: it was not tested.
        protocol: The validation data by which it was chosen, in words; empty: all of it.
        test: Whether the sweep was to test it.
    """
    why, leader = memory_choice(store), store.leader()
    head = f"Best configuration: trial {best.number + 1}, {space.objective.metric} {store.value(best):.2f}"
    lines = [
        *(pareto_said(store) if space.objective.others else [head]),
        *([f"  {why} ({config_of(folder, leader)})"] if why and leader else []),
        *_chosen(space, best.values),
    ]
    names = shown_metrics(space.config.method_name, tested)
    shown = [f"{name} {shown_score(tested[f'test/{name}'])} {unit(name)}" for name in names]
    if shown:
        lines += in_rows("  on test: ", shown) + checkpoint_lines(tested)
    if protocol:
        lines.append(f"  chosen by validation data {protocol}")
    if not test:
        lines.append("  test data was not looked at: the sweep was asked to leave it alone")
    return lines


def _chosen(space: Space, values: Mapping[str, Any]) -> list[str]:
    """A line for each value of the best trial. It says where a wider range may hold a better value."""
    searched = {parameter.key: parameter for parameter in space.parameters}
    lines = []
    for key, value in values.items():
        edge = f"  (at the edge of its range, {searched[key].range})" if searched[key].at_edge(value) else ""
        lines.append(f"  {key} = {shown_value(value)}{edge}")
    return lines
