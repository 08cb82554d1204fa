"""What a search learns of trials that diverge.

    python benchmarks/failed_trials.py [--trials 64] [--searches 20]

The sampler is the sweep's own, one trial after another; training is simulated. The score rises with the
learning rate up to an edge beyond which a trial diverges in its second task, and the edge moves with another
value, so that the optimum lies at the edge of divergence. Each search runs twice from the same seed. Once
diverged trials are reported as failures of the infrastructure, which TPE does not see; once as infeasible, as
a sweep does. The table has means over searches and their sample standard deviation: how many trials diverge,
and the best score.
"""

from __future__ import annotations

import argparse
import math
import warnings

import numpy as np
import optuna

from orchestrator.search.result_keys import INFEASIBLE, RUNNING, STATUS, TASK
from orchestrator.search.sampler import TaskSearch

_METRIC = "validation/average"
_TASKS = 5
_BEST = 70.0  # percent, at the optimum


def _space(trial: optuna.Trial) -> None:
    trial.suggest_float("rate", 1e-4, 1e-1, log=True)
    trial.suggest_float("weight", 1e-2, 1.0, log=True)
    trial.suggest_float("mix", 0.0, 1.0)


def _score(values: dict[str, float]) -> float | None:
    """The score after the last task, percent; None: the trial diverges."""
    below = -2 + (values["mix"] - 0.5) / 2 - math.log10(values["rate"])  # decades below the edge
    if below < 0:
        return None
    return _BEST - 10 * below - 3 * (math.log10(values["weight"]) + 1) ** 2 - 5 * (values["mix"] - 0.5) ** 2


def _search(trials: int, seed: int, *, told: bool) -> tuple[int, float]:
    """How many of a search's trials diverge, and its best score. ``told``: the search hears of them."""
    search = TaskSearch(_space, _METRIC, "max", seed=seed, tasks=_TASKS)
    diverged, best = 0, -math.inf
    for number in range(trials):
        name = str(number)
        score = _score(search.suggest(name))
        if score is None:
            diverged += 1
            search.on_trial_result(name, {_METRIC: _BEST, TASK: 1, STATUS: RUNNING})
            search.on_trial_complete(name, {TASK: 1, STATUS: "failed", INFEASIBLE: told})
        else:
            best = max(best, score)
            search.on_trial_complete(name, {_METRIC: score, TASK: _TASKS, STATUS: RUNNING})
    return diverged, best


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trials", type=int, default=64)
    parser.add_argument("--searches", type=int, default=20)
    return parser


def main(arguments: list[str] | None = None) -> None:
    options = _parser().parse_args(arguments)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
    print(f"{'diverged trials are told as':<30}{f'diverge, of {options.trials}':>20}{'best':>18}")
    for name, told in (("failures (FAIL)", False), ("infeasible (PRUNED)", True)):
        found = np.array([_search(options.trials, seed, told=told) for seed in range(options.searches)])
        mean, spread = found.mean(0), found.std(0, ddof=1) if len(found) > 1 else np.zeros(2)
        cells = [f"{m:.1f} ± {s:.1f}" for m, s in zip(mean, spread, strict=True)]
        print(f"{name:<30}{cells[0]:>20}{cells[1]:>18}", flush=True)


if __name__ == "__main__":
    main()
