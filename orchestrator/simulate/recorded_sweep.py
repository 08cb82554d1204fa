"""Reads the recorded curves of a sweep."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import UserError
from ..evaluation.objective import Objective
from ..evaluation.recorded_objective import recorded_objective
from ..record.memory_worth import MEMORY_SIZE
from ..schema import strict_yaml
from ..storage.run_files import SPACE_FILE, trials_of
from ..storage.trial_files import STATUS_FILE, TRIAL_FILE

_Told = tuple[Mapping[str, float], ...]
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
        objective: The first of several objectives; None: there is one.
        told: Of each trial, of each task, the value of each of several objectives that has one; empty where
            there is one.
    """

    name: str
    mode: str
    curves: NDArray[np.float64]
    seconds: NDArray[np.float64]
    sizes: tuple[Any, ...]
    left_out: int
    choices: tuple[Any, ...] = ()
    objective: Objective | None = None
    told: tuple[tuple[Mapping[str, float], ...], ...] = ()

    @classmethod
    def read(cls, folder: Path, metrics: Sequence[str] = ()) -> RecordedSweep:
        """Reads a sweep's folder.

        Args:
            folder: The folder.
            metrics: What the trials are compared by, two objectives or more; empty: what the sweep searched
                for.

        Raises:
            UserError: It is no sweep's folder, or a file in it cannot be read. The message is one line.
        """
        if not (folder / SPACE_FILE).is_file():
            raise UserError(f"{folder}: no sweep, as {SPACE_FILE} is not there; allowed: names of sweeps")
        rows: list[tuple[list[float], list[float], Any, _Told]] = []
        paths = sorted(trials_of(folder).glob(f"*/{STATUS_FILE}"))
        try:
            space = strict_yaml.read(folder / SPACE_FILE)[0]
            goal = recorded_objective(space)
            if metrics:
                goals = [Objective(one, Objective.better(one)) for one in metrics]
                goal = replace(goals[0], others=tuple(goals[1:]))
            if goal is None:
                raise KeyError("objective")
            metric = goal.metric
            choices = tuple(space.get("search", {}).get(MEMORY_SIZE, {}).get("choices", ()))
            for path in paths:
                ended = json.loads(path.read_text(encoding="utf-8"))
                if ended["status"] == "finished":
                    values = json.loads(path.with_name(TRIAL_FILE).read_text(encoding="utf-8"))["values"]
                    reports = ended["reports"]
                    told = tuple(goal.told(reports[:done]) for done in range(1, len(reports) + 1))
                    if goal.others:
                        curve = [one.get(metric, math.nan) for one in told]
                    else:
                        curve = [float(report[metric]) for report in reports]
                    rows.append((curve, [_seconds(r) for r in reports], values.get(MEMORY_SIZE), told))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise UserError(
                f"{folder}: {type(error).__name__} {error}; allowed: a sweep's own files"
            ) from None
        tasks = max((len(curve) for curve, *_ in rows), default=0)
        whole = [row for row in rows if len(row[0]) == tasks and all(map(math.isfinite, row[0]))]
        if goal.others:
            full = [row for row in rows if len(row[0]) == tasks]
            whole = [row for row in full if goal.losses(row[3][-1]) is not None]
            if rows and not whole:
                lacks = ", ".join(o.metric for o in goal.all if all(o.metric not in r[3][-1] for r in full))
                raise UserError(f"{folder}: no trial has {lacks}; allowed: what its trials report")
        return cls(
            folder.name,
            goal.mode,
            np.array([curve for curve, *_ in whole]).reshape(len(whole), tasks),
            np.array([seconds for _, seconds, *_ in whole]).reshape(len(whole), tasks),
            tuple(row[2] for row in whole),
            len(paths) - len(whole),
            choices,
            goal if goal.others else None,
            tuple(row[3] for row in whole) if goal.others else (),
        )


def _seconds(report: dict[str, float]) -> float:
    """The seconds of a task; 1 where they were not recorded."""
    parts = {key: value for key, value in report.items() if key.startswith(_SECONDS) and key != _WAITED}
    return sum(parts.values()) or 1.0
