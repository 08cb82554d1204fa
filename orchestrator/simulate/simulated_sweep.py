"""Runs a sweep in simulated time."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..record.memory_worth import MEMORY_SIZE
from ..search.result_keys import TASK, TRIAL
from .recorded_sweep import RecordedSweep

METRIC = "objective"
"""The name of the objective for a scheduler."""


@dataclass
class _Trial:
    """The part of Tune's trial that a scheduler asks."""

    trial_id: str
    config: dict[str, Any]
    status: str = "RUNNING"
    done: int = 0


@dataclass(frozen=True)
class SimulatedSweep:
    """The result of a sweep in simulated time.

    Attributes:
        done: (trials,), the tasks that each trial walked.
        seconds: The seconds that all trials trained.
        ended: The second at which the last lane was free.
    """

    done: NDArray[np.int64]
    seconds: float
    ended: float


@dataclass(order=True)
class _Turn:
    """A lane's trial finishes a task."""

    at: float
    number: int
    trial: _Trial = field(compare=False)


def simulated_sweep(
    recorded: RecordedSweep, chosen: Sequence[int], lanes: int, scheduler: Any
) -> SimulatedSweep:
    """Walks recorded trials over lanes, each task in the time that it took.

    Args:
        recorded: The sweep whose trials are walked.
        chosen: The numbers of the trials, in the order in which they begin.
        lanes: How many run at once. Range: at least 1.
        scheduler: One of Tune's, which is asked after each task but the last.
    """
    tasks = recorded.curves.shape[1]
    trials = [
        _Trial(str(number), {TRIAL: {"id": str(number)}, MEMORY_SIZE: recorded.sizes[row]})
        for number, row in enumerate(chosen)
    ]
    waiting, now, trained = list(enumerate(trials)), 0.0, 0.0
    turns: list[_Turn] = []
    while waiting or turns:
        while waiting and len(turns) < lanes:
            number, trial = waiting.pop(0)
            scheduler.on_trial_add(None, trial)
            heapq.heappush(turns, _Turn(now + recorded.seconds[chosen[number], 0], number, trial))
        turn = heapq.heappop(turns)
        now, trial, row = turn.at, turn.trial, chosen[turn.number]
        trained += recorded.seconds[row, trial.done]
        trial.done += 1
        if trial.done < tasks:
            result = {TASK: trial.done, METRIC: float(recorded.curves[row, trial.done - 1])}
            if recorded.objective is not None:
                result = {**recorded.told[row][trial.done - 1], TASK: trial.done}
            if scheduler.on_trial_result(None, trial, result) != scheduler.STOP:
                heapq.heappush(turns, _Turn(now + recorded.seconds[row, trial.done], turn.number, trial))
    return SimulatedSweep(np.array([trial.done for trial in trials]), trained, now)
