"""The parts of Optuna, and of Ray Tune's search with it, that the project uses and neither promises to keep.

Nothing else of the project touches it (``tests/test_private_parts.py``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from ray.tune.search.optuna import OptunaSearch


class StudySearch(OptunaSearch):
    """Ray Tune's search by Optuna, with its study and its trials in the open."""

    @property
    def study(self) -> optuna.Study:
        """The study that proposes."""
        return self._ot_study

    @property
    def asked(self) -> dict[str, optuna.Trial]:
        """Tune's trial ids -> Optuna's trials."""
        return self._ot_trials

    @property
    def completed(self) -> set[str]:
        """Tune's trial ids whose ends Optuna knows."""
        return self._completed_trials

    @property
    def space(self) -> Callable[[optuna.trial.BaseTrial], dict[str, Any] | None]:
        """The define-by-run function."""
        return self._space


class SteadyNSGAII(optuna.samplers.NSGAIISampler):
    """NSGA-II without generations: a trial is the child of two of the best trials that have ended by then.

    Optuna's own makes a generation once ``population_size`` trials have ended, 50 as it comes, before which
    all are drawn at random. A search here has fewer trials than that, and it would have to know after a
    resumption which generation each trial was of. The steady state is that of Durillo et al. (EMO 2009), who
    found it as good or better. The best are chosen by non-dominated rank and crowding distance (Deb et al.,
    2002); of one objective, by its value. Numbers of two parents are crossed as there, by simulated binary
    crossover (Optuna's own takes one parent's number, so that most children would be points that were tried).
    What is searched under a condition is drawn at random.

    Args:
        population_size: How many of the best trials may be parents.
        seed: The seed of this proposal.
    """

    def __init__(self, *, population_size: int, seed: int) -> None:
        crossover = optuna.samplers.nsgaii.SBXCrossover()
        super().__init__(population_size=population_size, crossover=crossover, seed=seed)

    def sample_relative(
        self, study: optuna.Study, trial: optuna.trial.FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """A child; nothing where fewer than two trials have walked the whole stream."""
        done = study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.COMPLETE,))
        if len(done) < 2:
            return {}
        best = self._elite_population_selection_strategy(study, done)
        return self._child_generation_strategy(study, search_space, best)


_DRAWS = 64  # of the space, so that parameters under a condition are seen


class NumberedQMC(optuna.samplers.QMCSampler):
    """A low-discrepancy sequence whose points are chosen by number, whatever was asked for before.

    Optuna's own sampler takes the next point at each question and the space from the first trial, so that a
    resumed search would begin the sequence anew.

    Args:
        space: The define-by-run function.
        index: Which point of the sequence it gives, from 0.
        entropy: The sequence's seed.
        seed: The seed of values that the sequence does not give.
        **options: Options of Optuna's sampler.
    """

    def __init__(
        self, space: Callable[[Any], Any], index: int, entropy: int, seed: int, **options: Any
    ) -> None:
        others = optuna.samplers.RandomSampler(seed)
        super().__init__(
            seed=entropy,
            independent_sampler=others,
            warn_independent_sampling=False,
            warn_asynchronous_seeding=False,
            **options,
        )
        self._index = index
        self._distributions = _distributions(space)

    def infer_relative_search_space(
        self, study: optuna.Study, trial: optuna.trial.FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """All parameters that may be searched. Values that a trial is not asked for are dropped later."""
        return self._distributions

    def _find_sample_id(self, study: optuna.Study, search_space: dict[str, BaseDistribution]) -> int:
        return self._index


def _distributions(space: Callable[[Any], Any]) -> dict[str, BaseDistribution]:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(0))
    found: dict[str, BaseDistribution] = {}
    for _ in range(_DRAWS):
        trial = study.ask()
        space(trial)
        found |= trial.distributions
    return dict(sorted(found.items()))
