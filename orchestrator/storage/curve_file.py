"""Loss curves on disk: CSV with the columns task (from 1), phase, step (of the phase, from 0), term and
value.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from pathlib import Path

import numpy as np


def curve_text(rows: Iterable[tuple[int, str, int, str, float]], *, header: bool) -> str:
    """(task, from 0, phase, step, term, value) rows as a file has them; ``header``: with its first line."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    if header:
        writer.writerow(["task", "phase", "step", "term", "value"])
    writer.writerows((task + 1, *rest) for task, *rest in rows)
    return text.getvalue()


def read_curves(path: Path) -> tuple[dict[str, np.ndarray], list[int]]:
    """What :func:`curve_text` gave: term -> (steps,) over all tasks and phases, NaN where absent; and
    the step at which each task ended.
    """
    terms: dict[str, dict[int, float]] = {}
    ends: list[int] = []
    place, step = None, -1
    with open(path, newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            here = (row["task"], row["phase"], row["step"])
            if here != place:
                step += 1
                if place is not None and here[0] != place[0]:
                    ends.append(step)
                place = here
            terms.setdefault(row["term"], {})[step] = float(row["value"])
    curves = {}
    for term, values in terms.items():
        curves[term] = np.full(step + 1, np.nan)
        curves[term][list(values)] = list(values.values())
    return curves, [*ends, step + 1]
