"""The state that a training of a task left which may become the task's."""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

import torch

from methods.method import Method

from ..evaluation.agreement import all_or_none, from_each
from ..replay.memory import ReplayMemory
from ..storage import checkpoint
from ..storage.curve_file import curve_text
from ..storage.trial_files import TRIES_FOLDER
from .per_task_choice import TaskValues

_VALUES = ("per_task/learning_rate", "per_task/strength")

Row = tuple[int, str, int, str, float]
"""A row of the loss curves: task from 0, phase, step, term, value."""


class BestTry:
    """The weights, memory, report and loss curves of one training of a task, in memory and on disk. A walk
    that is killed finds them again.

    Args:
        folder: The trial's folder.
        rank: This process' rank. Rank 0 writes.
        device: The device on which ranks exchange messages.
        stamp: The stamp of the trial's checkpoints; None: any.
    """

    def __init__(
        self, folder: Path, rank: int, device: torch.device, stamp: Mapping[str, str] | None
    ) -> None:
        self._folder = folder / TRIES_FOLDER
        self._rank = rank
        self._device = device
        self._stamp = stamp
        self._held: checkpoint.Checkpoint | None = None

    def keep(
        self,
        index: int,
        values: TaskValues,
        method: Method,
        memory: ReplayMemory,
        report: Mapping[str, float],
        rows: Iterable[Row],
    ) -> None:
        """Keeps what a training of task ``index`` (from 0) left, in the place of an earlier one."""
        said = {**report, **dict(zip(_VALUES, values, strict=True))}
        state = {name: value.detach().to("cpu", copy=True) for name, value in method.state_dict().items()}
        self._held = held = checkpoint.Checkpoint(
            state, memory.state(), [said], curve_text(rows, header=True)
        )

        def write() -> None:
            if self._rank == 0:
                checkpoint.save(self._folder, index, held, stamp=self._stamp)

        all_or_none(write, self._device)

    def take(self, index: int, values: TaskValues) -> tuple[checkpoint.Checkpoint, list[Row]] | None:
        """What the training of task ``index`` with ``values`` left, and its loss curves.

        Returns:
            The state, whose only report is the training's; None where it is not kept, or where a rank does
            not have it.
        """

        def read() -> checkpoint.Checkpoint | None:
            held = self._held
            if held is None or held.reports[0]["task"] != index + 1:
                return checkpoint.load(self._folder, index, self._stamp)
            return held

        found = all_or_none(read, self._device)
        fits = found is not None and [found.reports[0].get(name) for name in _VALUES] == list(values)
        everywhere = all(from_each(fits, self._device))  # each rank says it, also one that has nothing
        return (found, _rows(found.curves)) if everywhere and found is not None else None

    def drop(self, index: int) -> None:
        """Forgets what a training of task ``index`` (from 0) left, on disk too."""
        if self._held is not None and self._held.reports[0]["task"] == index + 1:
            self._held = None
        if self._rank == 0:
            folder = checkpoint.folder_of(self._folder, index)
            for one in (folder, *folder.parent.glob(f"{folder.name}.*.partial")):  # of a walk that was killed
                shutil.rmtree(one, ignore_errors=True)
            with suppress(OSError):  # another task's is in it, or it was never there
                folder.parent.rmdir()
                self._folder.rmdir()


def _rows(curves: str) -> list[Row]:
    """The rows of :func:`.curve_text`, whose numbers come back to the digit."""
    rows = csv.DictReader(io.StringIO(curves, newline=""))
    return [(int(r["task"]) - 1, r["phase"], int(r["step"]), r["term"], float(r["value"])) for r in rows]
