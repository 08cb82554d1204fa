"""Why sweeps stop no trial in the last half of a stream, replayed over recorded curves.

    python benchmarks/stopping.py [RUNS] [--trials 8] [--lanes 2] [--sweeps 1000] [--margins 1 2]

RUNS is a folder of runs. What ``python -m orchestrator.simulate`` does with single sweeps is done with all of
them, under rules that a sweep does not have:

- rungs throughout: rungs at tasks 2, 4, 8 ... up to the last one.
- sweep's: what sweeps do, no rung in the last half of the stream.
- margin M: the same, and a trial is stopped only where it is more than M below the median at its rung.

The table has, for each rule, the share of simulated sweeps in which the trial that would have been best was
stopped; how much the best score loses by that, in the objective's unit, as the mean over all sweeps; and the
share of the training that was saved.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from ray.tune.schedulers import ASHAScheduler, TrialScheduler

from orchestrator.record.memory_worth import MEMORY_SIZE
from orchestrator.search.result_keys import TASK
from orchestrator.search.scheduler import TaskScheduler
from orchestrator.simulate.recorded_sweep import RecordedSweep
from orchestrator.simulate.replay import Replay
from orchestrator.simulate.simulated_sweep import METRIC
from orchestrator.storage.run_files import SPACE_FILE


class _Margin(TaskScheduler):
    """The sweep's scheduler with a margin: a trial goes on that is at most ``margin`` below the median of its
    rung. The median is that of the trials with a memory of the same size.
    """

    def __init__(self, mode: str, tasks: int, margin: float) -> None:
        super().__init__(METRIC, mode, tasks)
        self._sign = 1 if mode == "max" else -1
        self._margin = margin
        self._seen: dict[tuple[int, Any], list[float]] = defaultdict(list)

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:
        decision = super().on_trial_result(tune_controller, trial, result)
        seen = self._seen[result[TASK], trial.config[MEMORY_SIZE]]
        value = self._sign * result[METRIC]
        near = bool(seen) and value >= np.median(seen) - self._margin
        seen.append(value)
        return TrialScheduler.CONTINUE if near else decision


def _throughout(mode: str, tasks: int) -> ASHAScheduler:
    first = 2 if tasks > 3 else 1
    return ASHAScheduler(TASK, METRIC, mode, max_t=tasks + 1, grace_period=first, reduction_factor=2)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", nargs="?", type=Path, default=Path("runs"), metavar="RUNS")
    parser.add_argument("--trials", type=int, default=8)
    parser.add_argument("--lanes", type=int, default=2)
    parser.add_argument("--sweeps", type=int, default=1000)
    parser.add_argument("--margins", type=float, nargs="+", default=[1.0, 2.0])
    return parser


def main(arguments: list[str] | None = None) -> None:
    options = _parser().parse_args(arguments)
    rules: dict[str, Callable[[str, int], Any]] = {
        "rungs throughout": _throughout,
        "sweep's": lambda mode, tasks: TaskScheduler(METRIC, mode, tasks),
    }
    for margin in options.margins:
        rules[f"margin {margin:g}"] = lambda mode, tasks, margin=margin: _Margin(mode, tasks, margin)
    how = {"trials": options.trials, "lanes": options.lanes, "sweeps": options.sweeps}
    print(f"{'sweep':<30}{'rule':<18}{'best stopped, %':>16}{'lost':>8}{'saved, %':>10}")
    for space in sorted(options.runs.glob(f"*/{SPACE_FILE}")):
        recorded = RecordedSweep.read(space.parent)
        if len(recorded.curves) < options.trials:
            print(f"{recorded.name:<30}only {len(recorded.curves)} trials walked the whole stream")
            continue
        for name, rule in rules.items():
            found = Replay.of(recorded, rule, **how)
            shown = f"{found.best_stopped:>16.1f}{found.regret:>8.2f}{found.training_saved:>10.1f}"
            print(f"{recorded.name:<30}{name:<18}{shown}", flush=True)


if __name__ == "__main__":
    main()
