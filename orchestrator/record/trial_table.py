"""The table that a search ends with."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ..schema.shown import shown_score

if TYPE_CHECKING:
    from .trial_entry import TrialEntry

WIDTH = 100  # columns of text
_GAP = "  "
_NAMES = {"running": "interrupted"}  # the run has ended before the table is shown


def trial_table(
    rows: Sequence[TrialEntry], objective: str, tasks: int, value: Callable[[TrialEntry], float | None]
) -> str:
    """A table with a line for each trial, in the order of ``rows``.

    A line has the trial's number, how it ended, tasks done of ``tasks``, the ``objective`` and forgetting
    (percent), and the searched values, as far as 100 columns have room. Values that differ between trials
    come first. A last line names the values without room.

    Args:
        rows: The trials.
        objective: The metric's name.
        tasks: How many tasks the stream has.
        value: Gives a trial's objective.
    """
    columns = [
        ["trial", *(str(row.number + 1) for row in rows)],
        ["status", *(_NAMES.get(row.status, row.status) for row in rows)],
        ["tasks", *(f"{len(row.reports)}/{tasks}" for row in rows)],
        [objective.removeprefix("validation/"), *(shown_score(value(row)) for row in rows)],
        ["forgetting", *(shown_score(_last(row, "validation/forgetting")) for row in rows)],
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
    return "\n".join([*lines, *textwrap.wrap(last, WIDTH, break_long_words=False, break_on_hyphens=False)])


def _last(row: TrialEntry, metric: str) -> float | None:
    return row.reports[-1].get(metric) if row.reports else None


def _width(column: Sequence[str]) -> int:
    return max(map(len, column))


def _value(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
