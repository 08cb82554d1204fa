"""The table that a search ends with."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..evaluation.objective import Objective
from ..schema.shown import shown_score
from .shown_objective import shown_objective

if TYPE_CHECKING:
    from .trial_entry import TrialEntry

WIDTH = 100  # columns of text
_GAP = "  "
_NAMES = {"running": "interrupted"}  # the run has ended before the table is shown


def trial_table(rows: Sequence[TrialEntry], objective: Objective, tasks: int, most: int | None = None) -> str:
    """A table with a line for each trial, in the order of ``rows``.

    A line has the trial's number, how it ended, tasks done of ``tasks``, each objective, forgetting
    (percent), and the searched values, as far as 100 columns have room. Values that differ between trials
    come first. A last line names the values without room.

    Args:
        rows: The trials.
        objective: The objective; the first of several has the others.
        tasks: How many tasks the stream has.
        most: How many lines there are at most; None: all.
    """
    left = len(rows) - len(rows := rows[:most])
    goals = dict.fromkeys([*(goal.metric for goal in objective.all), "validation/forgetting"])
    columns = [
        ["trial", *(str(row.number + 1) for row in rows)],
        ["status", *(_NAMES.get(row.status, row.status) for row in rows)],
        ["tasks", *(f"{len(row.reports)}/{tasks}" for row in rows)],
        *([metric.removeprefix("validation/"), *_values(objective, metric, rows)] for metric in goals),
    ]
    searched = [
        [key, key.removeprefix("method."), *(_value(row.values.get(key)) for row in rows)]
        for key in dict.fromkeys(key for row in rows for key in row.values)
    ]
    searched.sort(key=lambda column: len(set(column[2:])) == 1)
    left_out = []
    for key, *column in searched:
        if sum(_width(c) + len(_GAP) for c in columns) + _width(column) <= WIDTH:
            columns.append(column)
        else:
            left_out.append(key)
    lines = [
        _GAP.join(cell.rjust(_width(column)) for cell, column in zip(line, columns, strict=True))
        for line in zip(*columns, strict=True)
    ]
    last = f"Not shown: {', '.join(left_out)}" if left_out else ""
    lines += textwrap.wrap(last, WIDTH, break_long_words=False, break_on_hyphens=False)
    return "\n".join([*lines, *([f"... and {left} more"] if left else [])])


def _values(objective: Objective, metric: str, rows: Sequence[TrialEntry]) -> list[str]:
    goal = next((one for one in objective.all if one.metric == metric), None)
    if goal is None:
        return [shown_score(row.reports[-1].get(metric) if row.reports else None) for row in rows]
    return [shown_objective(metric, goal.value(row.reports)) for row in rows]


def _width(column: Sequence[str]) -> int:
    return max(map(len, column))


def _value(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
