"""The trials of a search for several objectives among which nothing but taste chooses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..evaluation.objective import Objective
from ..statistics.domination_layers import domination_layers
from ..statistics.knee import knee
from .shown_objective import shown_objective
from .trial_entry import TrialEntry


@dataclass(frozen=True)
class ParetoSet:
    """The Pareto set of trials that walked the whole stream.

    A trial that is beyond a bound, or lacks a value, is not in it. A trial that leaves the set as others end
    never comes back.

    Attributes:
        objective: The first objective, which has the others.
        trials: The set, the best in the first objective first.
        knee: The one that is suggested (:func:`~orchestrator.statistics.knee.knee`); None: the set is empty.
        measured: All trials that have all values, those beyond a bound included, by number.
        beyond: How many of these are beyond a bound.
    """

    objective: Objective
    trials: tuple[TrialEntry, ...]
    knee: TrialEntry | None
    measured: tuple[TrialEntry, ...]
    beyond: int

    @classmethod
    def of(cls, whole: Sequence[TrialEntry], objective: Objective) -> ParetoSet:
        """The Pareto set of trials.

        Args:
            whole: Those that walked the whole stream, by number.
            objective: The first objective, which has the others.
        """
        told = {entry.id: objective.told(entry.reports) for entry in whole}
        measured = tuple(entry for entry in whole if objective.losses(told[entry.id]) is not None)
        allowed = [e for e in measured if all(over <= 0 for over in objective.excess(told[e.id]).values())]
        losses = {entry.id: objective.losses(told[entry.id]) or () for entry in allowed}
        layers = domination_layers([losses[entry.id] for entry in allowed] or np.empty((0, 2)))
        best = [entry for entry, layer in zip(allowed, layers, strict=True) if layer == 0]
        best.sort(key=lambda entry: (losses[entry.id], entry.number))
        suggested = best[knee([losses[entry.id] for entry in best])] if best else None
        return cls(objective, tuple(best), suggested, measured, len(measured) - len(allowed))

    @property
    def ordered(self) -> list[TrialEntry]:
        """The set, what is suggested first."""
        return sorted(self.trials, key=lambda entry: entry is not self.knee)

    @property
    def lines(self) -> list[str]:
        """The set as a table for people: a line a trial, with the value of each objective."""
        goals = self.objective.all
        rows = [["trial", *(goal.metric.removeprefix("validation/") for goal in goals), ""]]
        for entry in self.trials:
            told = self.objective.told(entry.reports)
            shown = [shown_objective(goal.metric, told[goal.metric]) for goal in goals]
            mark = "suggested" if entry is self.knee and len(self.trials) > 1 else ""
            rows.append([str(entry.number + 1), *shown, mark])
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        cells = [[cell.rjust(w) for cell, w in zip(row, widths, strict=True)][:-1] + row[-1:] for row in rows]
        table = ["  ".join(row).rstrip() for row in cells]
        if not self.trials:
            table = [f"It is empty: of {len(self.measured)} trials {self.beyond} are beyond a bound."]
        elif self.beyond:
            table.append(f"{self.beyond} of {len(self.measured)} trials are beyond a bound")
        return table

    def plain(self) -> dict[str, Any]:
        """The set as JSON has it."""
        return {
            "objectives": [
                {"metric": goal.metric, "mode": goal.mode, "bound": goal.bound} for goal in self.objective.all
            ],
            "suggested": None if self.knee is None else self.knee.id,
            "trials": [
                {"id": entry.id, "number": entry.number + 1, "values": self.objective.told(entry.reports)}
                for entry in self.trials
            ],
            "measured": len(self.measured),
            "beyond_a_bound": self.beyond,
        }
