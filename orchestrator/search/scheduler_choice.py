"""The rule that stops trials of a search, by name."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn

from ..errors import UserError
from .named_rule import named_rule
from .result_keys import TASK

if TYPE_CHECKING:
    from ray.tune.schedulers import FIFOScheduler

    from ..evaluation.objective import Objective

_OPTIONS: dict[str, dict[str, Any]] = {
    "asha": {"reduction_factor": 2},
    "median": {"min_trials": 3, "margin": 0.0},
    "none": {},
}
_ALLOWED = {"reduction_factor": (2,), "min_trials": (1,), "margin": (0,)}


@dataclass(frozen=True)
class SchedulerChoice:
    """The rule that stops trials of a search. Each rule compares trials at the same task, since a stream gets
    harder and average accuracy falls as tasks arrive.

    ``asha``: at 2, 2 r, 2 r^2 ... tasks one trial in ``reduction_factor`` r goes on (Li et al., MLSys 2020).
    ``median``: a trial stops whose value at a task is more than ``margin`` worse than the median of the other
    trials' at that task, where at least ``min_trials`` others have one (Golovin et al., KDD 2017, who compare
    running averages). ``none``: all trials walk the whole stream.

    Attributes:
        name: The rule's name.
        options: Option -> value. The defaults are ``reduction_factor`` 2, ``min_trials`` 3, ``margin`` 0.
    """

    name: str = "asha"
    options: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def parse(cls, value: Any, fail: Callable[[str, str], NoReturn]) -> SchedulerChoice:
        """Reads a name, or a mapping with ``name`` and options.

        Args:
            value: The value in the file.
            fail: ``fail(key below this one, problem)`` raises the error.
        """
        return cls(*named_rule(value, _OPTIONS, _ALLOWED, fail))

    @property
    def said(self) -> str:
        """Describes for people what the rule does."""
        if self.name == "none":
            return "no trial is stopped early"
        options = "".join(f", {name} {value}" for name, value in self.options.items())
        return f"{self.name} stops trials in the first half of the stream{options}"

    def stops_after(self, tasks: int) -> list[int]:
        """The tasks after which a trial may be stopped, in a stream of so many."""
        judged = judged_tasks(tasks)
        if self.name != "asha":
            return list(judged) if self.name == "median" else []
        factor: float = {**_OPTIONS[self.name], **self.options}["reduction_factor"]
        return _rungs(judged[0], judged[-1], factor)

    def check_several(self, where: str) -> None:
        """Checks that the rule can compare trials in several objectives.

        Raises:
            UserError: It cannot. The message is one line and begins with ``where``.
        """
        if self.name == "median":
            raise UserError(f"{where}: scheduler median compares one objective; allowed are asha, none")

    def make(
        self, metric: str, mode: str, first: int, last: int, several: Objective | None = None
    ) -> FIFOScheduler:
        """Tune's scheduler.

        Args:
            metric: The objective.
            mode: ``max`` or ``min``.
            first: The first task after which a trial may stop.
            last: The last task after which a trial may stop.
            several: The objective with the others; None: there is one.
        """
        from ray.tune.schedulers import ASHAScheduler, FIFOScheduler

        from .layer_rule import LayerRule
        from .median_rule import MedianRule

        options = {**_OPTIONS[self.name], **self.options}
        if self.name == "none":
            return FIFOScheduler()
        if several is not None:
            rungs = _rungs(first, last, options["reduction_factor"])
            return LayerRule(several.all, rungs, **options)
        if self.name == "median":
            return MedianRule(metric, mode, first, last, **options)
        return ASHAScheduler(
            time_attr=TASK,
            metric=metric,
            mode=mode,
            max_t=last,
            grace_period=first,
            stop_last_trials=False,  # otherwise they would not go on after max_t tasks
            **options,
        )


def _rungs(first: int, last: int, factor: float) -> list[int]:
    rungs, rung = [], float(first)
    while rung <= last:
        rungs.append(math.ceil(rung))
        rung *= factor
    return rungs


def judged_tasks(tasks: int) -> range:
    """The tasks after which a rule may stop a trial, in a stream of so many.

    No trial stops after the first task, which shows nothing of forgetting, except in streams of up to three
    tasks. No trial stops in the last half of the stream, where a stop saves little training and may hit the
    best trial (``benchmarks/stopping.py`` replays both).
    """
    first = 2 if tasks > 3 else 1
    return range(first, max(first, tasks // 2) + 1)
