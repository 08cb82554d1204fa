"""A trial's finished tasks on disk, alike for all ranks."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

import torch

from methods.method import Method

from ..errors import UserError
from ..evaluation.agreement import all_or_none, from_first
from ..replay.memory import ReplayMemory
from ..storage import checkpoint
from ..storage.atomic_write import write_text
from ..storage.curve_file import curve_text
from ..storage.trial_files import CURVES_FILE, REPORTS_FILE


class SavedTasks:
    """Reads and writes the checkpoints of a trial's tasks. A task is finished when its checkpoint is whole.

    The checkpoint has all reports and loss curves so far; ``tasks.jsonl`` and ``curves.csv`` are made from
    it.

    Args:
        folder: The trial's own folder, on storage that all ranks share.
        rank: This process' rank. Rank 0 writes.
        device: The device on which ranks exchange messages.
        stamp: The stamp that the checkpoints must carry
            (:meth:`~orchestrator.storage.identity.Identity.stamp`); None: any stamp.
        tokenizer: The files that are kept with each checkpoint, and that checkpoints must have from which the
            trial continues. None: no files are kept, and any are accepted.
        keeper: Keeps each checkpoint elsewhere too.
    """

    def __init__(
        self,
        folder: Path,
        rank: int,
        device: torch.device,
        stamp: Mapping[str, str] | None = None,
        tokenizer: Mapping[str, bytes] | None = None,
        keeper: checkpoint.Keeper | None = None,
    ) -> None:
        self._folder = folder
        self._rank = rank
        self._device = device
        self._stamp = stamp
        self._tokenizer = tokenizer
        self._keeper = keeper
        self._curves = ""

    def newest(self, tasks: int) -> tuple[int, checkpoint.Checkpoint | None]:
        """Reads the checkpoint of the last finished task. Rank 0 says which one; each rank reads it.

        Args:
            tasks: How many tasks the stream has.

        Returns:
            (tasks done, checkpoint), alike on all ranks.

        Raises:
            UserError: A rank cannot read the checkpoint, or it is not the trial's own. Every rank raises.
        """

        def latest() -> tuple[int, checkpoint.Checkpoint | None]:
            if self._rank:
                return 0, None
            return checkpoint.latest(self._folder, tasks, self._stamp, self._tokenizer)

        def same() -> checkpoint.Checkpoint | None:
            own = saved
            if done and self._rank:
                own = checkpoint.load(self._folder, done - 1, self._stamp, self._tokenizer)
            if done and own is None:
                raise UserError(
                    f"{checkpoint.folder_of(self._folder, done - 1)}: rank {self._rank} finds no whole "
                    "checkpoint where rank 0 does; allowed: a folder that all workers share"
                )
            return own

        done, saved = all_or_none(latest, self._device)
        done = from_first(done, self._device)
        saved = all_or_none(same, self._device)
        return done, saved

    def restore(self, saved: checkpoint.Checkpoint, method: Method, memory: ReplayMemory) -> None:
        """Brings a method, a memory, and the files for people to the state of a checkpoint.

        Args:
            saved: The checkpoint.
            method: The method, which gets the checkpoint's weights.
            memory: The memory, which gets the checkpoint's rows.
        """
        checkpoint.restore(method, saved.model)
        memory.load(saved.memory)
        self._curves = saved.curves
        if self._rank == 0:
            self._write_files(saved.reports)

    def save(
        self,
        index: int,
        method: Method,
        memory: ReplayMemory,
        reports: list[dict[str, float]],
        rows: Iterable[tuple[int, str, int, str, float]],
    ) -> None:
        """Finishes a task. Only its checkpoint says that it is finished.

        Args:
            index: The task's number, from 0.
            method: The method as it is now.
            memory: The memory as it is now.
            reports: The reports of all tasks so far.
            rows: The rows of the loss curves so far.
        """
        began = time.perf_counter()
        if self._rank == 0:
            fresh = (row for row in rows if row[0] == index)
            curves = self._curves + curve_text(fresh, header=not self._curves)
            state = checkpoint.Checkpoint(method.state_dict(), memory.state(), reports, curves)
            checkpoint.save(
                self._folder,
                index,
                state,
                self._tokenizer,
                stamp=self._stamp,
                seconds=lambda: time.perf_counter() - began,
                keeper=self._keeper,
            )
            self._curves = curves
            self._write_files(reports)

    def _write_files(self, reports: list[dict[str, float]]) -> None:
        """Writes the reports and curves of the checkpoint as files for people."""
        write_text(self._folder / REPORTS_FILE, "".join(json.dumps(report) + "\n" for report in reports))
        write_text(self._folder / CURVES_FILE, self._curves)
