"""Loss curves on disk, as CSV.

The columns are task (from 1), phase, step (of the phase, from 0), term and value.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from pathlib import Path

import numpy as np


def curve_text(rows: Iterable[tuple[int, str, int, str, float]], *, header: bool) -> str:
    """Formats rows for a file of curves.

    Args:
        rows: (task, phase, step, term, value) each, with the task counted from 0.
        header: Whether the file's first line, with the columns' names, comes before them.

    Returns:
        The rows as CSV.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    if header:
        writer.writerow(["task", "phase", "step", "term", "value"])
    writer.writerows((task + 1, *rest) for task, *rest in rows)
    return text.getvalue()


def read_curves(path: Path) -> tuple[dict[str, np.ndarray], list[int]]:
    """Reads what :func:`curve_text` gave.

    Returns:
        A mapping of each term to float64 (steps,) over all tasks and phases, with NaN at the steps that do
        not have the term; and the step at which each task ended.
    """
    terms: dict[str, dict[int, float]] = {}
    ends: list[int] = []
    last, step = None, -1
    with open(path, newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            here = (row["task"], row["phase"], row["step"])
            if here != last:
                step += 1
                if last is not None and here[0] != last[0]:
                    ends.append(step)
                last = here
            terms.setdefault(row["term"], {})[step] = float(row["value"])
    curves = {}
    for term, values in terms.items():
        curves[term] = np.full(step + 1, np.nan)
        curves[term][list(values)] = list(values.values())
    return curves, [*ends, step + 1]
