"""``python -m orchestrator.sweep list``: what lies in the runs folder."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from ..schema.shown import shown_bytes, shown_score
from ..storage.run_files import ARTIFACTS_FOLDER, COMPARISON_FOLDER, DATABASE_FILE, FEATURES_FOLDER
from ..storage.run_folder import short_path
from .aside import delete_aside, left_asides
from .disk_use import DiskUse
from .found_run import FoundRun
from .runs_in import runs_in

_SHARED = (FEATURES_FOLDER, ARTIFACTS_FOLDER, DATABASE_FILE, COMPARISON_FOLDER)
_LONGEST = 28  # letters of a study's methods
_RIGHT = ("trials", "best", "size")  # columns of numbers


def list_runs(runs: Path) -> str:
    """A table with a line for each run in ``runs``. The run that was written to last comes last.

    Leftovers of a removal that was cut short are deleted first.

    Args:
        runs: The runs folder, which may not exist.

    Returns:
        The table; what the runs hold together, what lies beside them, and how much of the disk is free; and,
        for each run that cannot be read, the reason.
    """
    for aside in left_asides(runs):
        delete_aside(aside)
    found = [(run, DiskUse.of(run.folder)) for run in runs_in(runs)]
    if not found:
        return f"No runs in {runs}."
    found.sort(key=lambda one: (one[1].written, one[0].name))
    lines = run_table(found)
    count = "1 run" if len(found) == 1 else f"{len(found)} runs"
    free = shown_bytes(shutil.disk_usage(runs).free)
    whole = shown_bytes(sum(use.bytes for _, use in found))
    lines += ["", f"{count}, {whole}; {free} are free on the disk of {short_path(runs.resolve())}"]
    shared = [f"{name} {shown_bytes(size)}" for name in _SHARED if (size := _size(runs / name))]
    if shared:
        lines.append(f"beside them: {', '.join(shared)}")
    lines += [f"{run.name}: {run.reason}" for run, _ in found if run.reason]
    return "\n".join(lines)


def run_table(found: Sequence[tuple[FoundRun, DiskUse]]) -> list[str]:
    """Lines of a table: a heading, and a line for each run."""
    head = ["name", "kind", "method", "stream", "state", "trials", "best", "size", "written"]
    rows = [head, *(_row(run, use) for run, use in found)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
    return ["  ".join(map(_placed, row, widths, head)).rstrip() for row in rows]


def _row(run: FoundRun, use: DiskUse) -> list[str]:
    score = shown_score(run.score)
    trials = f"{run.done}/{run.asked}" if run.asked else str(run.done)
    return [
        run.name,
        run.kind,
        _short(run.method),
        _short(run.stream),
        run.state,
        trials,
        score,
        shown_bytes(use.bytes),
        f"{datetime.fromtimestamp(use.written):%Y-%m-%d %H:%M}" if use.written else "-",
    ]


def _placed(cell: str, width: int, head: str) -> str:
    return cell.rjust(width) if head in _RIGHT else cell.ljust(width)


def _short(names: str) -> str:
    return textwrap.shorten(names, _LONGEST, placeholder=" ...") if ", " in names else names


def _size(path: Path) -> int:
    if path.is_dir():
        return DiskUse.of(path).bytes
    return path.stat().st_size if path.is_file() else 0
