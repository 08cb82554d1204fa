"""Forecasts how long the rest of a study takes, by what such trials took here before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ..commands.budget_forecast import hours_left, trials_left
from ..commands.time_forecast import TimeForecast
from ..schema.shown import shown_bytes, shown_time
from ..storage.run_files import trials_of
from ..storage.run_folder import RUNS
from ..storage.trial_files import STATUS_FILE
from .runs_now import RunNow
from .study_arm import StudyArm


class Forecast(Protocol):
    """What is left of something will take; the attributes are those of :class:`ArmForecast`."""

    @property
    def trials(self) -> int: ...
    @property
    def pairs(self) -> int: ...
    @property
    def hours(self) -> float | None: ...
    @property
    def bytes(self) -> float: ...


@dataclass(frozen=True)
class ArmForecast:
    """How long the rest of a method on a stream takes, if each trial walks all tasks that it sees.

    Attributes:
        trials: How many trials of the search are left, about how many where it has a budget.
        pairs: How many runs with a pair are left.
        hours: How long they take one after another; None: it is not known.
        bytes: The bytes that they leave on the disk.
    """

    trials: int
    pairs: int
    hours: float | None
    bytes: float = 0.0

    @classmethod
    def of(cls, arm: StudyArm, runs: Sequence[RunNow]) -> ArmForecast:
        """The forecast for ``arm``, whose runs are ``runs``."""
        search = next(run for run in runs if run.pair is None)
        ended = sum(1 for _ in trials_of(RUNS / search.name).glob(f"*/{STATUS_FILE}"))
        trials = 0 if search.done else max(0, arm.trials - ended)
        pairs = sum(run.pair is not None and run.done is None and not run.walked for run in runs)
        hours = size = 0.0
        own = arm.searched.space.config, arm.protocol.tasks
        if arm.budget is not None and not search.done:
            folder = RUNS / search.name if (RUNS / search.name).exists() else None
            left, gpus = hours_left(arm.budget, folder), own[0].run.gpus_held if arm.budget.of_gpus else 1.0
            hours, took = left / gpus, TimeForecast.of(*own)
            trials = 1 if took is None else trials_left(arm.budget, took, own[0], folder)
            size += 0.0 if took is None else trials * took.bytes
        for count, which in ((0 if arm.budget else trials, own), (pairs, (arm.space.config, None))):
            if count:
                took = TimeForecast.of(*which)
                if took is None:
                    return cls(trials, pairs, None)
                hours += took.hours(count)
                size += count * took.bytes
        return cls(trials, pairs, hours, size)

    @property
    def said(self) -> str:
        """The hours, in a form for people."""
        if not self.trials and not self.pairs:
            return "ended"
        return "how long is not known" if self.hours is None else f"about {shown_time(3600 * self.hours)}"


def forecast_line(arms: Sequence[Forecast]) -> str:
    """How long the rest of a study takes in all, in a form for people; empty where nothing is left."""
    left = [arm for arm in arms if arm.trials or arm.pairs]
    known = [arm for arm in left if arm.hours is not None]
    if not left:
        return ""
    if not known:
        return f"what it takes is not known: no trial like its own has walked its stream in {RUNS}/"
    hours, size = sum(arm.hours or 0.0 for arm in known), sum(arm.bytes for arm in known)
    line = f"{shown_time(3600 * hours)} one after another and {shown_bytes(size)} of disk"
    rest = len(left) - len(known)
    of = f", without the {rest} of which it is not known" if rest else ""
    return f"what is left takes about {line}, as trials before in {RUNS}/ took{of}"
