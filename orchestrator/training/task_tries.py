"""The trainings of a task that a walk chooses among, on disk."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from ..errors import UserError
from ..evaluation.agreement import all_or_none, from_first
from ..storage.atomic_write import write_text
from ..storage.checkpoint import Keeper
from ..storage.trial_files import TRIES_FILE
from .per_task_choice import TaskValues

_SECONDS = ("seconds/train", "seconds/wait", "seconds/evaluate")
_KEYS = {"task", "learning_rate", "strength", "score", *_SECONDS}


class TaskTries:
    """The trainings of each task that have ended, alike for all ranks. A resumed walk makes none of them
    again.

    Args:
        folder: The trial's folder. The file in it is a line of JSON a training.
        rank: This process' rank. Rank 0 reads and writes.
        device: The device on which ranks exchange messages.
        keeper: Keeps the file elsewhere too.
    """

    def __init__(self, folder: Path, rank: int, device: torch.device, keeper: Keeper | None = None) -> None:
        self._path = folder / TRIES_FILE
        self._rank = rank
        self._device = device
        self._keeper = keeper
        own = all_or_none(lambda: _read(self._path) if rank == 0 else [], device)
        self._tries: list[dict[str, Any]] = from_first(own, device)

    def of(self, index: int) -> list[dict[str, Any]]:
        """The trainings of the task with number ``index``, from 0, in their order."""
        return [one for one in self._tries if one["task"] == index + 1]

    def find(self, index: int, values: TaskValues) -> dict[str, Any] | None:
        """The training of a task with some values; None where there is none."""
        wanted = values.learning_rate, values.strength
        return next((o for o in self.of(index) if (o["learning_rate"], o["strength"]) == wanted), None)

    def add(
        self,
        index: int,
        values: TaskValues,
        score: float | None,
        own: Mapping[str, Any],
        took: Mapping[str, float],
    ) -> None:
        """Takes a training that has ended.

        Args:
            index: The task's number, from 0.
            values: Its values.
            score: Its score, in percent; None: it diverged.
            own: Dotted key -> value of the configuration, as they were in it.
            took: The seconds and FLOPs that it took, by name.
        """
        line = {"task": index + 1, **values._asdict(), "values": dict(own), "score": score, **took}
        self._tries.append(line)
        all_or_none(self._write, self._device)

    def _write(self) -> None:
        if self._rank == 0:
            write_text(self._path, "".join(json.dumps(one) + "\n" for one in self._tries))
            if self._keeper is not None:
                self._keeper.file(TRIES_FILE)


def _read(path: Path) -> list[dict[str, Any]]:
    try:
        tries = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        if all(one.keys() >= _KEYS for one in tries):
            return tries
        problem = "a line lacks a key"
    except FileNotFoundError:
        return []
    except (OSError, ValueError, AttributeError) as error:
        problem = str(error)
    raise UserError(f"{path}: cannot be read ({problem}); allowed: what the trial wrote there")
