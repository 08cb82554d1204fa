"""Measures what a stopping rule saves and costs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from ray.tune.schedulers import FIFOScheduler

from .drawn_sweeps import drawn_sweeps
from .recorded_sweep import RecordedSweep
from .simulated_sweep import simulated_sweep


@dataclass(frozen=True)
class Replay:
    """What a stopping rule saves and costs, as means over simulated sweeps.

    Attributes:
        best_stopped: Percent of the sweeps whose best trial was stopped.
        regret: How much the best score loses by that, in the objective's unit.
        training_saved: Percent of the seconds of training.
        time_saved: Percent of the time until the last lane is free.
    """

    best_stopped: float
    regret: float
    training_saved: float
    time_saved: float

    @classmethod
    def of(
        cls,
        recorded: RecordedSweep,
        rule: Callable[[str, int], Any],
        *,
        trials: int,
        lanes: int,
        sweeps: int,
        seed: int = 0,
    ) -> Replay:
        """Draws sweeps from the recorded trials, each without repetition, and walks them.

        Args:
            recorded: The recorded trials.
            rule: ``rule(mode, tasks)`` is Tune's scheduler of a sweep, over the metric
                :data:`~orchestrator.simulate.simulated_sweep.METRIC`.
            trials: How many trials a sweep has.
            lanes: How many run at once.
            sweeps: How many sweeps.
            seed: The seed by which trials are drawn. Every rule gets the same trials.

        Raises:
            UserError: Too few trials were recorded. The message is one line.
        """
        sign = 1 if recorded.mode == "max" else -1
        rows, tasks = [], recorded.curves.shape[1]
        for chosen in drawn_sweeps(recorded, trials=trials, sweeps=sweeps, seed=seed):
            final = sign * recorded.curves[chosen, -1]
            full = simulated_sweep(recorded, chosen, lanes, FIFOScheduler())
            found = simulated_sweep(recorded, chosen, lanes, rule(recorded.mode, tasks))
            # Where every trial was stopped nothing is chosen, and the loss is counted down to the worst
            # trial.
            left = final[found.done == tasks].max(initial=final.min())
            lost = final.max() - left
            saved = 1 - found.seconds / full.seconds, 1 - found.ended / full.ended
            rows.append((100 * (lost > 0), lost, 100 * saved[0], 100 * saved[1]))
        return cls(*(float(mean) for mean in np.mean(rows, 0)))
