"""What a stopping rule saves and costs where there are several objectives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from ray.tune.schedulers import FIFOScheduler

from ..statistics.hypervolume import hypervolume
from .drawn_sweeps import drawn_sweeps
from .recorded_sweep import RecordedSweep
from .simulated_sweep import simulated_sweep


@dataclass(frozen=True)
class ParetoReplay:
    """What a stopping rule saves and costs over simulated sweeps.

    A sweep's hypervolume is that of its whole trials within all bounds. Each objective spans 0 to 1 over the
    recorded ones, whose worst values together are the reference point.

    Attributes:
        kept: Percent of the hypervolume of all of a sweep's trials that those which were not stopped have,
            as the mean over sweeps.
        least: The same of the sweep at the lower tenth.
        trained: Percent of the tasks that were trained, of all of all trials.
        time_saved: Percent of the time until the last lane is free.
    """

    kept: float
    least: float
    trained: float
    time_saved: float

    @classmethod
    def of(
        cls,
        recorded: RecordedSweep,
        rule: Callable[[RecordedSweep], Any],
        *,
        trials: int,
        lanes: int,
        sweeps: int,
        seed: int = 0,
    ) -> ParetoReplay:
        """Draws sweeps from the recorded trials, each without repetition, and walks them.

        Args:
            recorded: The recorded trials, with several objectives.
            rule: ``rule(recorded)`` is Tune's scheduler of a sweep.
            trials: How many trials a sweep has.
            lanes: How many run at once.
            sweeps: How many sweeps.
            seed: By which trials are drawn; every rule has the same ones.

        Raises:
            UserError: Too few trials were recorded. The message is one line.
        """
        losses, tasks = _losses(recorded), recorded.curves.shape[1]
        rows = []
        for chosen in drawn_sweeps(recorded, trials=trials, sweeps=sweeps, seed=seed):
            full = simulated_sweep(recorded, chosen, lanes, FIFOScheduler())
            found = simulated_sweep(recorded, chosen, lanes, rule(recorded))
            most, had = _volume(losses[chosen]), _volume(losses[chosen][found.done == tasks])
            kept = had / most if most else 1.0
            rows.append((kept, found.done.sum() / (trials * tasks), 1 - found.ended / full.ended))
        kept, trained, saved = 100 * np.array(rows).T
        return cls(
            float(kept.mean()), float(np.quantile(kept, 0.1)), float(trained.mean()), float(saved.mean())
        )


def _losses(recorded: RecordedSweep) -> NDArray[np.float64]:
    """(trials, objectives), 0 to 1; NaN for trials that are beyond a bound."""
    goal = recorded.objective
    assert goal is not None
    ends = [told[-1] for told in recorded.told]
    found = np.array([goal.losses(end) for end in ends], dtype=float).reshape(len(ends), len(goal.all))
    found[[any(over > 0 for over in goal.excess(end).values()) for end in ends]] = np.nan
    within = found[~np.isnan(found[:, 0])]
    if not len(within):
        return found
    span = np.ptp(within, axis=0)
    return np.asarray((found - within.min(0)) / np.where(span > 0, span, 1.0))


def _volume(losses: NDArray[np.float64]) -> float:
    return hypervolume(losses[~np.isnan(losses[:, 0])], np.ones(losses.shape[1]))
