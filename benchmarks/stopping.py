"""What stopping trials early saves and costs, replayed over recorded curves.

    python benchmarks/stopping.py [RUNS] [--trials 8] [--lanes 2] [--sweeps 1000] [--margins 1 2]

RUNS is a folder of runs. Of each sweep in it the curves of the trials that walked the whole stream are read:
the sweep's objective on validation data after each task. They should come from sweeps in which nothing was
stopped, as stopped trials leave only the better ones. Simulated sweeps then draw trials from them at random
and walk them on so many lanes, task by task, judged by the sweep's own scheduler, or by another rule:

- rungs throughout: rungs at tasks 2, 4, 8 ... up to the last one.
- sweep's: what sweeps do, no rung in the last half of the stream.
- margin M: the same, and a trial is stopped only where it is more than M below the median at its rung.

The table has, for each rule, the share of simulated sweeps in which the trial that would have been best was
stopped; what the best score loses by that, in the objective's unit, as the mean over all sweeps; and the
share of the training that was saved.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from ray.tune.schedulers import ASHAScheduler, TrialScheduler

from orchestrator.record.memory_worth import MEMORY_SIZE
from orchestrator.schema import strict_yaml
from orchestrator.search.result_keys import TASK, TRIAL
from orchestrator.search.scheduler import TaskScheduler
from orchestrator.storage.run_files import SPACE_FILE, trials_of
from orchestrator.storage.trial_files import STATUS_FILE, TRIAL_FILE

_METRIC = "objective"


class _Margin(TaskScheduler):
    """The sweep's scheduler, which lets go on whoever is at most ``margin`` below the median of its rung, of
    those with a memory of the same size.
    """

    def __init__(self, mode: str, tasks: int, margin: float) -> None:
        super().__init__(_METRIC, mode, tasks)
        self._sign = 1 if mode == "max" else -1
        self._margin = margin
        self._seen: dict[tuple[int, Any], list[float]] = defaultdict(list)

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:
        decision = super().on_trial_result(tune_controller, trial, result)
        seen = self._seen[result[TASK], trial.config[MEMORY_SIZE]]
        value = self._sign * result[_METRIC]
        near = bool(seen) and value >= np.median(seen) - self._margin
        seen.append(value)
        return TrialScheduler.CONTINUE if near else decision


def _throughout(mode: str, tasks: int) -> ASHAScheduler:
    first = 2 if tasks > 3 else 1
    return ASHAScheduler(TASK, _METRIC, mode, max_t=tasks + 1, grace_period=first, reduction_factor=2)


@dataclass
class _Trial:
    """Of Tune's trial, what a scheduler asks."""

    trial_id: str
    curve: np.ndarray
    done: int = 0
    stopped: bool = False
    status: str = "RUNNING"
    config: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class _Recorded:
    """A recorded sweep. ``curves``: (trials, tasks). ``sizes``: of each trial's replay memory."""

    name: str
    mode: str
    curves: np.ndarray
    sizes: list[Any]


def _read(runs: Path) -> list[_Recorded]:
    found = []
    for space in sorted(runs.glob(f"*/{SPACE_FILE}")):
        objective = strict_yaml.read(space)[0]["objective"]
        curves, sizes = [], []
        for path in sorted(trials_of(space.parent).glob(f"*/{STATUS_FILE}")):
            ended = json.loads(path.read_text(encoding="utf-8"))
            if ended["status"] == "finished":
                curves.append([report[objective["metric"]] for report in ended["reports"]])
                values = json.loads(path.with_name(TRIAL_FILE).read_text(encoding="utf-8"))["values"]
                sizes.append(values.get(MEMORY_SIZE))
        tasks = max(map(len, curves), default=0)
        whole = [k for k, curve in enumerate(curves) if len(curve) == tasks]
        found.append(
            _Recorded(
                space.parent.name,
                objective["mode"],
                np.array([curves[k] for k in whole]),
                [sizes[k] for k in whole],
            )
        )
    return found


def _simulated(curves: np.ndarray, sizes: Sequence[Any], lanes: int, scheduler: Any) -> list[_Trial]:
    """One sweep over the trials, in order. All lanes finish a task at the same time, as often as they can."""
    trials = [
        _Trial(str(k), curve, config={TRIAL: {"id": str(k)}, MEMORY_SIZE: size})
        for k, (curve, size) in enumerate(zip(curves, sizes, strict=True))
    ]
    waiting, running = list(trials), []
    while waiting or running:
        while waiting and len(running) < lanes:
            running.append(waiting.pop(0))
            if scheduler is not None:
                scheduler.on_trial_add(None, running[-1])
        for trial in list(running):
            trial.done += 1
            result = {TASK: trial.done, _METRIC: float(trial.curve[trial.done - 1])}
            whole = trial.done == len(trial.curve)
            if scheduler is not None and not whole:
                trial.stopped = scheduler.on_trial_result(None, trial, result) == TrialScheduler.STOP
            if whole or trial.stopped:
                running.remove(trial)
    return trials


def _row(
    recorded: _Recorded, options: argparse.Namespace, rule: Callable[[str, int], Any]
) -> tuple[float, float, float]:
    """Percent of sweeps that stop their best trial, what the best loses, percent of the training saved."""
    sign = 1 if recorded.mode == "max" else -1
    rng, tasks = np.random.default_rng(0), recorded.curves.shape[1]
    rows = []
    for _ in range(options.sweeps):
        chosen = rng.choice(len(recorded.curves), options.trials, replace=False)
        drawn = recorded.curves[chosen]
        trials = _simulated(
            drawn, [recorded.sizes[k] for k in chosen], options.lanes, rule(recorded.mode, tasks)
        )
        final = sign * drawn[:, -1]
        left = max(score for score, trial in zip(final, trials, strict=True) if not trial.stopped)
        saved = 1 - sum(trial.done for trial in trials) / drawn.size
        rows.append((100 * (left < final.max()), final.max() - left, 100 * saved))
    stopped, lost, saved = np.mean(rows, 0)
    return float(stopped), float(lost), float(saved)


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
        "sweep's": lambda mode, tasks: TaskScheduler(_METRIC, mode, tasks),
    }
    for margin in options.margins:
        rules[f"margin {margin:g}"] = lambda mode, tasks, margin=margin: _Margin(mode, tasks, margin)
    print(f"{'sweep':<30}{'rule':<18}{'best stopped, %':>16}{'lost':>8}{'saved, %':>10}")
    for recorded in _read(options.runs):
        if len(recorded.curves) < options.trials:
            print(f"{recorded.name:<30}only {len(recorded.curves)} trials walked the whole stream")
            continue
        for name, rule in rules.items():
            stopped, lost, saved = _row(recorded, options, rule)
            print(f"{recorded.name:<30}{name:<18}{stopped:>16.1f}{lost:>8.2f}{saved:>10.1f}", flush=True)


if __name__ == "__main__":
    main()
