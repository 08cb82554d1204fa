"""What trials will take, by what others took here before."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

from ..config import RunConfig
from ..errors import UserError
from ..schema import strict_yaml
from ..schema.shown import shown_bytes, shown_time
from ..storage.run_files import CONFIG_FILE, trials_of
from ..storage.run_folder import RUNS
from ..storage.trial_files import REPORTS_FILE

_STAGES = ("seconds/train", "seconds/evaluate", "seconds/checkpoint")
_ENOUGH = 64  # trials
_OF_A_PAIR = ("seed", "order")  # of a stream, which have no part in how long it takes
_OF_A_RUN = ("workers", "device", "gpus_per_trial", "cpus_per_worker", "precision")


@dataclass(frozen=True)
class TimeForecast:
    """What trials of a method on a stream took before.

    Attributes:
        seconds: Of each task, in order: the median of what training, evaluation and checkpoint took.
        bytes: The median of what a trial that walked the whole stream has left on the disk.
        trials: How many trials it goes by.
    """

    seconds: tuple[float, ...]
    bytes: float
    trials: int

    @classmethod
    def of(cls, config: RunConfig, tasks: int | None, runs: Path = RUNS) -> TimeForecast | None:
        """What trials in the runs folder took that had the same method, backbone, stream, workers and device.

        The newest runs are looked at first, until 64 trials are found. Their other values may differ. What
        cannot be read counts as nothing.

        Args:
            config: What the trials to be share.
            tasks: How many tasks they walk; None: as many as any of those did.
            runs: The runs folder.

        Returns:
            What they took; None where none of them walked so many tasks.
        """
        took = [(trial, found) for trial in islice(_alike(config, runs), _ENOUGH) if (found := _took(trial))]
        if tasks is None:
            tasks = max((len(found) for _, found in took), default=0)
        whole = [trial for trial, found in took if len(found) >= tasks]
        if not tasks or not whole:
            return None
        each = [median(found[task] for _, found in took if len(found) > task) for task in range(tasks)]
        return cls(tuple(each), median(map(_size, whole)), len(took))

    def hours(self, trials: int) -> float:
        """What so many trials take that walk the whole stream, one after another, in hours."""
        return trials * sum(self.seconds) / 3600

    def said(self, trials: int) -> str:
        """What so many trials take, in a form for people."""
        many = "one trial" if self.trials == 1 else f"{self.trials} trials"
        hours, size = shown_time(3600 * self.hours(trials)), shown_bytes(trials * self.bytes)
        return f"{hours} one after another and {size} of disk, as {many} before in {RUNS}/ took"


def _alike(config: RunConfig, runs: Path) -> Iterator[Path]:
    """The folders of trials that were like it. All trials of a run have one method and one stream."""
    wanted = _told(config.to_dict())
    for run in sorted(_folders(runs), key=_written, reverse=True):
        trials = _folders(trials_of(run))
        first = next((trial for trial in trials if (trial / CONFIG_FILE).is_file()), None)
        if first is not None and _told_by((first / CONFIG_FILE).resolve()) == wanted:
            yield from trials


def _folders(place: Path) -> list[Path]:
    try:
        return sorted(Path(entry.path) for entry in os.scandir(place) if entry.is_dir())
    except OSError:
        return []


def _written(folder: Path) -> float:
    try:
        return folder.stat().st_mtime
    except OSError:  # it went away meanwhile
        return 0.0


@cache  # a study asks for each of its methods
def _told_by(file: Path) -> Any:
    try:
        return _told(strict_yaml.read(file)[0])
    except (UserError, OSError):
        return None


def _told(config: Any) -> Any:
    """What of a configuration decides how long a task takes, but for the values that are searched."""
    try:
        stream = {key: value for key, value in config["stream"].items() if key not in _OF_A_PAIR}
        method = config["method"]
        return method["name"], method.get("backbone"), stream, [config["run"][key] for key in _OF_A_RUN]
    except (AttributeError, KeyError, TypeError):
        return None


def _size(folder: Path) -> int:
    """The bytes of all files in a folder. What goes away meanwhile counts as nothing."""
    size = 0
    for file in folder.rglob("*"):
        with suppress(OSError):
            size += file.lstat().st_size if file.is_file() else 0
    return size


def _took(trial: Path) -> list[float]:
    """What each task of a trial took, as far as it has one after the other."""
    found: list[float] = []
    try:
        for line in (trial / REPORTS_FILE).read_text(encoding="utf-8").splitlines():
            report: Mapping[str, float] = json.loads(line)
            if report["task"] != len(found) + 1 or _STAGES[0] not in report:
                break
            found.append(sum(float(report.get(stage, 0)) for stage in _STAGES))
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        pass
    return found
