"""Forecasts to how many trials a budget comes, from what other trials took here before."""

from __future__ import annotations

import math
from pathlib import Path

from ..config import RunConfig
from ..evaluation.objective import Objective
from ..record.seen_trials import SeenTrials
from ..schema.shown import shown_bytes
from ..search.budget import MOST_TRIALS, Budget
from ..storage.run_folder import RUNS
from .time_forecast import TimeForecast


def trials_left(budget: Budget, took: TimeForecast, config: RunConfig, folder: Path | None) -> int:
    """About how many trials are left of a budget, if each walks all tasks that it sees.

    Args:
        budget: The budget.
        took: What such trials took before.
        config: The configuration that all trials share.
        folder: The folder of a run that has spent a part of it; None: the run is new.
    """
    each = took.hours(1) * (config.run.gpus_held if budget.of_gpus else 1)
    return min(MOST_TRIALS, math.ceil(hours_left(budget, folder) / each)) if each else MOST_TRIALS


def hours_left(budget: Budget, folder: Path | None) -> float:
    """What is left of a budget, in hours or GPU-hours.

    Args:
        budget: The budget.
        folder: The folder of a run that has spent a part of it; None: the run is new.
    """
    if folder is None:
        return budget.hours
    trials = SeenTrials(folder, Objective("", "max")).trials.values()
    return max(0.0, budget.hours - sum(budget.spent(trial.reports) for trial in trials))


def budget_forecast(budget: Budget, config: RunConfig, tasks: int, folder: Path | None) -> str:
    """The line that a preview has on a sweep with a budget.

    Args:
        budget: The budget.
        config: The configuration that all trials share.
        tasks: How many tasks they walk.
        folder: The folder of a sweep that is resumed; None: it is new.
    """
    took = TimeForecast.of(config, tasks)
    if took is None:
        unknown = f"how many trials {budget.text} come to is not known"
        return f"{unknown}: none like its own has walked {tasks} task(s) in {RUNS}/"
    count = trials_left(budget, took, config, folder)
    many = "one trial" if took.trials == 1 else f"{took.trials} trials"
    trials = "1 trial that walks" if count == 1 else f"{count} trials that walk"
    size = shown_bytes(count * took.bytes)
    return f"about {trials} the whole stream, and {size} of disk, as {many} before in {RUNS}/ took"
