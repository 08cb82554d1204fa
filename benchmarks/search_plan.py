"""Does it cost anything that the trials drawn at random do not depend on how many trials there are to be?

    python benchmarks/search_plan.py [--trials 8 16 40] [--repeats 200]

It searches spaces of six numbers and three choices with some noise: by TPE after a quarter of the trials at
random, by TPE with the random trials of ``search/search_plan.py``, and by random trials alone. It prints the
true value of the trial that looks best at the end, as the mean and standard error over spaces. 0 is the most
that a space's numbers can give, without its choices.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable

import numpy as np
import optuna

from orchestrator.search.search_plan import LEAST, SearchPlan


def _world(rng: np.random.Generator) -> Callable[[optuna.Trial], float]:
    weights, best = rng.gamma(1.0, 1.0, 6), rng.uniform(0.1, 0.9, 6)
    choices = [rng.normal(0, 0.4, count) for count in (3, 3, 4)]

    def worth(trial: optuna.Trial) -> float:
        numbers = np.array([trial.suggest_float(f"number_{k}", 0, 1) for k in range(6)])
        chosen = [c[trial.suggest_categorical(f"choice_{k}", range(len(c)))] for k, c in enumerate(choices)]
        return float(-(weights * (numbers - best) ** 2).sum() + sum(chosen))

    return worth


def _tpe(seed: int, begin: int) -> optuna.samplers.BaseSampler:
    return optuna.samplers.TPESampler(
        seed=seed, n_startup_trials=begin, multivariate=True, group=True, constant_liar=True
    )


def _quarter(number: int, trials: int, seed: int) -> optuna.samplers.BaseSampler:
    return _tpe(seed, min(10, max(2, trials // 4)))


def _plan(number: int, trials: int, seed: int) -> optuna.samplers.BaseSampler:
    at_random = SearchPlan(trials).at_random(number)
    return optuna.samplers.RandomSampler(seed) if at_random else _tpe(seed, LEAST)


def _random(number: int, trials: int, seed: int) -> optuna.samplers.BaseSampler:
    return optuna.samplers.RandomSampler(seed)


def _found(rule: Callable[..., optuna.samplers.BaseSampler], trials: int, world: int) -> float:
    """The true value of the trial that a search of one space chooses."""
    worth, noise = _world(np.random.default_rng(world)), np.random.default_rng([world, 1])
    study, true = optuna.create_study(direction="maximize"), []
    for number in range(trials):
        seed = int(np.random.SeedSequence([world, number]).generate_state(1)[0])
        study.sampler = rule(number, trials, seed)
        trial = study.ask()
        true.append(worth(trial))
        study.tell(trial, true[-1] + noise.normal(0, 0.1))
    return true[study.best_trial.number]


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trials", type=int, nargs="+", default=[8, 16, 40])
    parser.add_argument("--repeats", type=int, default=200)
    options = parser.parse_args(arguments)
    warnings.simplefilter("ignore")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    for trials in options.trials:
        for name, rule in (("a quarter first", _quarter), ("the plan", _plan), ("random", _random)):
            found = [_found(rule, trials, world) for world in range(options.repeats)]
            error = np.std(found, ddof=1) / np.sqrt(options.repeats)
            print(f"{trials:>3} trials, {name:<16} {np.mean(found):6.3f} ± {error:.3f}", flush=True)


if __name__ == "__main__":
    main()
