"""Forecasts the time that trials take from what others took here before."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from ..config import RunConfig
from ..errors import UserError
from ..record.task_seconds import task_seconds
from ..schema import strict_yaml
from ..schema.shown import shown_bytes, shown_time
from ..storage.run_files import CONFIG_FILE, MANIFEST_FILE, SWEEP_FILE, trials_of
from ..storage.run_folder import RUNS
from ..storage.trial_files import REPORTS_FILE

_ENOUGH = 64  # trials
_OF_A_PAIR = ("seed", "order")  # of a stream, which have no part in how long it takes
_OF_A_RUN = ("workers", "device", "gpus_per_trial", "cpus_per_worker", "precision", "feature_cache")


@dataclass(frozen=True)
class TimeForecast:
    """The time and disk space that trials of a method on a stream took before.

    Attributes:
        seconds: For each task, in order, the median of what training, evaluation and checkpoint took.
        bytes: The median of what a trial that walked the whole stream has left on the disk.
        trials: How many trials it goes by.
        others: Whether their epochs and memory may have been others.
    """

    seconds: tuple[float, ...]
    bytes: float
    trials: int
    others: bool = True

    @classmethod
    def of(
        cls, config: RunConfig, tasks: int | None, runs: Path = RUNS, *, fixed: bool = False
    ) -> TimeForecast | None:
        """Forecasts from the trials in the runs folder with the same method, backbone, stream and kind of
        run.

        The newest runs are looked at first, until 64 trials are found. Files that cannot be read do not
        count.

        Args:
            config: The configuration that the trials share.
            tasks: How many tasks they walk; None: the whole stream.
            runs: The runs folder.
            fixed: Whether ``config`` has all their values. Where some trials had the same epochs and memory,
                only these count.

        Returns:
            The forecast; None where no trial walked so many tasks.
        """
        trials = list(islice(_alike(config, runs, tasks), _ENOUGH))
        near = [one for one in trials if _effort(one.config) == _effort(config.to_dict())] if fixed else []
        took = near or trials
        tasks = tasks or max((one.tasks for one in took), default=0)
        whole = [one for one in took if len(one.seconds) >= tasks]
        if not tasks or not whole:
            return None
        each = [median(o.seconds[task] for o in took if len(o.seconds) > task) for task in range(tasks)]
        return cls(tuple(each), median(_size(one.folder) for one in whole), len(took), others=not near)

    def hours(self, trials: int) -> float:
        """The hours that so many trials take that walk the whole stream, one after another."""
        return trials * sum(self.seconds) / 3600

    def said(self, trials: int) -> str:
        """What so many trials take, in a form for people."""
        many = "one trial" if self.trials == 1 else f"{self.trials} trials"
        hours, size = shown_time(3600 * self.hours(trials)), shown_bytes(trials * self.bytes)
        others = ", whose epochs and memory may have been others" if self.others else ""
        return f"{hours} one after another and {size} of disk, as {many} before in {RUNS}/ took{others}"


class _Trial(NamedTuple):
    """A similar trial: its folder, its configuration, the seconds of each task that it walked, and the number
    of tasks of its stream.
    """

    folder: Path
    config: Any
    seconds: list[float]
    tasks: int


def _alike(config: RunConfig, runs: Path, tasks: int | None) -> Iterator[_Trial]:
    """The similar trials. Where ``tasks`` is None, runs that saw the first tasks alone are left out."""
    wanted = _told(config.to_dict())
    for run in sorted(_folders(runs), key=_written, reverse=True):
        if tasks is None and "first-tasks" in _text(run / SWEEP_FILE):
            continue
        count = _count(run)
        for folder in _folders(trials_of(run)):
            own = _read(folder / CONFIG_FILE)
            if _told(own) != wanted:  # all trials of a run have one method and one stream
                break
            if seconds := _took(folder):
                yield _Trial(folder, own, seconds, count)


def _folders(folder: Path) -> list[Path]:
    folders = []
    with suppress(OSError):
        for entry in os.scandir(folder):
            with suppress(OSError):
                folders += [Path(entry.path)] if entry.is_dir() else []
    return sorted(folders)


def _written(folder: Path) -> float:
    try:
        return folder.stat().st_mtime
    except OSError:  # it was deleted meanwhile
        return 0.0


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _read(file: Path) -> Any:
    try:
        return strict_yaml.parse(_text(file), str(file))[0]
    except UserError:
        return None


def _count(run: Path) -> int:
    """How many tasks the run's stream has; 0 where it does not say."""
    try:
        return int(json.loads(_text(run / MANIFEST_FILE))["tasks"])
    except (ValueError, TypeError, KeyError):
        return 0


def _effort(config: Any) -> list[Any]:
    """The searched values of a configuration that decide how long a task takes."""
    method = {key: value for key, value in config["method"].items() if "epochs" in key}
    return [method, config["replay"]["size"], config["run"].get("keep")]


def _told(config: Any) -> Any:
    """The values of a configuration that decide how long a task takes, without the searched ones."""
    try:
        stream = {key: value for key, value in config["stream"].items() if key not in _OF_A_PAIR}
        method = config["method"]
        run = [config["run"][key] for key in _OF_A_RUN]
        # A walk that chooses at each task trains each task several times.
        return method["name"], method.get("backbone"), stream, run, config.get("per_task")
    except (AttributeError, KeyError, TypeError):
        return None


def _size(folder: Path) -> int:
    """The bytes of all files in a folder. Files that are deleted meanwhile do not count."""
    size = 0
    for below, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                size += os.lstat(os.path.join(below, name)).st_size
    return size


def _took(trial: Path) -> list[float]:
    """What each task of a trial took, as far as it has one after the other."""
    seconds: list[float] = []
    try:
        for line in (trial / REPORTS_FILE).read_text(encoding="utf-8").splitlines():
            report: Mapping[str, float] = json.loads(line)
            if report["task"] != len(seconds) + 1 or "seconds/train" not in report:
                break
            seconds.append(task_seconds(report))
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        pass
    return seconds
