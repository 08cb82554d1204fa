"""Writes the values of each run of a comparison, so that its tables' means can be checked."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from io import StringIO

from .groups import Group
from .table import COLUMNS

SPLITS = ("test", "validation")
"""The splits of which a comparison has tables."""


def run_rows(groups: Sequence[Group]) -> str:
    """CSV with a row for each run and split.

    A row has the number of its group, the method, the run, its seed, the order of its stream, the split, and
    the value of each metric of the tables with all its digits. An empty field was not measured.

    Args:
        groups: The groups of a section.
    """
    there = {n for g in groups for run in g.runs for split in SPLITS for n in run.figures(split)}
    metrics = [n for n in COLUMNS.values() if any(f"{split}/{n}" in there for split in SPLITS)]
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["group", "method", "run", "seed", "order", "split", *metrics])
    for split in SPLITS:
        for group in groups:
            for run in group.measured(split):
                figures = run.figures(split)
                values = [repr(figures[name]) if name in figures else "" for name in _of(split, metrics)]
                writer.writerow([group.number, run.method, run.name, run.seed, run.order, split, *values])
    return text.getvalue()


def _of(split: str, metrics: Sequence[str]) -> list[str]:
    return [f"{split}/{name}" for name in metrics]
