"""Reads the recorded curves of a sweep."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import UserError
from ..record.memory_worth import MEMORY_SIZE
from ..schema import strict_yaml
from ..storage.run_files import SPACE_FILE, trials_of
from ..storage.trial_files import STATUS_FILE, TRIAL_FILE

_SECONDS = "seconds/"
_WAITED = "seconds/wait"  # a part of those of training


@dataclass(frozen=True)
class RecordedSweep:
    """The trials of a sweep that walked the whole stream.

    Attributes:
        name: The sweep's name.
        mode: Whether a higher objective (``max``) or a lower one (``min``) is better.
        curves: (trials, tasks), the objective on validation data after each task.
        seconds: (trials, tasks), the seconds of each task.
        sizes: The size of each trial's replay memory; None where it was not searched.
        left_out: How many trials did not walk the whole stream, or have an objective that is not finite.
        choices: The choices for the memory's size; empty: it was not searched, or it was drawn from a range.
    """

    name: str
    mode: str
    curves: NDArray[np.float64]
    seconds: NDArray[np.float64]
    sizes: tuple[Any, ...]
    left_out: int
    choices: tuple[Any, ...] = ()

    @classmethod
    def read(cls, folder: Path) -> RecordedSweep:
        """Reads a sweep's folder.

        Raises:
            UserError: It is no sweep's folder, or a file in it cannot be read. The message is one line.
        """
        if not (folder / SPACE_FILE).is_file():
            raise UserError(f"{folder}: no sweep, as {SPACE_FILE} is not there; allowed: names of sweeps")
        rows: list[tuple[list[float], list[float], Any]] = []
        paths = sorted(trials_of(folder).glob(f"*/{STATUS_FILE}"))
        try:
            space = strict_yaml.read(folder / SPACE_FILE)[0]
            metric, mode = space["objective"]["metric"], space["objective"]["mode"]
            choices = tuple(space.get("search", {}).get(MEMORY_SIZE, {}).get("choices", ()))
            for path in paths:
                ended = json.loads(path.read_text(encoding="utf-8"))
                if ended["status"] == "finished":
                    values = json.loads(path.with_name(TRIAL_FILE).read_text(encoding="utf-8"))["values"]
                    curve = [float(report[metric]) for report in ended["reports"]]
                    rows.append((curve, [_seconds(r) for r in ended["reports"]], values.get(MEMORY_SIZE)))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise UserError(
                f"{folder}: {type(error).__name__} {error}; allowed: a sweep's own files"
            ) from None
        tasks = max((len(curve) for curve, _, _ in rows), default=0)
        whole = [row for row in rows if len(row[0]) == tasks and all(map(math.isfinite, row[0]))]
        return cls(
            folder.name,
            mode,
            np.array([curve for curve, _, _ in whole]).reshape(len(whole), tasks),
            np.array([seconds for _, seconds, _ in whole]).reshape(len(whole), tasks),
            tuple(size for _, _, size in whole),
            len(paths) - len(whole),
            choices,
        )


def _seconds(report: dict[str, float]) -> float:
    """The seconds of a task; 1 where they were not recorded."""
    parts = {key: value for key, value in report.items() if key.startswith(_SECONDS) and key != _WAITED}
    return sum(parts.values()) or 1.0
