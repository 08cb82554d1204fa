"""The sampler of a search, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from .named_rule import named_rule
from .search_plan import LEAST

_OPTIONS: dict[str, dict[str, Any]] = {
    "tpe": {"multivariate": True, "constant_liar": True, "n_ei_candidates": 24},
    "random": {},
    "gp": {"deterministic_objective": False},
    "nsga2": {"population_size": 10},
    "qmc": {"qmc_type": "sobol", "scramble": True},
    "grid": {},
}
_ALLOWED = {"qmc_type": ("sobol", "halton"), "n_ei_candidates": (1,), "population_size": (2,)}


@dataclass(frozen=True)
class SamplerChoice:
    """The sampler that proposes the trials of a search. Each can search for several objectives.

    ``tpe``: the tree-structured Parzen estimator. ``gp``: expected improvement under a Gaussian process, of
    the hypervolume where there are several objectives. ``nsga2``: a child of two good trials
    (:class:`~orchestrator.search.optuna_private.SteadyNSGAII`). These learn from the trials that have ended.
    ``random``: uniform draws. ``qmc``: a low-discrepancy sequence.
    ``grid``: all points of a space without continuous ranges, in an order that the seed draws.

    Attributes:
        name: The sampler's name.
        options: Option -> value, as Optuna's sampler of that name has them. A missing option is as in Optuna,
            except that ``multivariate``, ``constant_liar`` and ``scramble`` are on and ``population_size`` is
            10.
    """

    name: str = "tpe"
    options: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def parse(cls, value: Any, fail: Callable[[str, str], NoReturn]) -> SamplerChoice:
        """Reads a name, or a mapping with ``name`` and options.

        Args:
            value: The value in the file.
            fail: ``fail(key below this one, problem)`` raises the error.
        """
        return cls(*named_rule(value, _OPTIONS, _ALLOWED, fail))

    @property
    def learns(self) -> bool:
        """Whether a proposal depends on the trials that have ended."""
        return self.name in ("tpe", "gp", "nsga2")

    def make(self, seed: int, entropy: int, index: int, space: Callable[[Any], Any]) -> Any:
        """Optuna's sampler for one trial.

        Args:
            seed: The seed of this proposal.
            entropy: The search's own seed.
            index: Which point of a sequence the trial has.
            space: The define-by-run function.
        """
        import optuna  # It takes half a second, which reading a search space should not cost.

        from .optuna_private import NumberedQMC, SteadyNSGAII

        options = {**_OPTIONS[self.name], **self.options}
        if self.name == "tpe":
            group = bool(options["multivariate"])
            return optuna.samplers.TPESampler(seed=seed, n_startup_trials=LEAST, group=group, **options)
        if self.name == "gp":
            return optuna.samplers.GPSampler(
                seed=seed,
                n_startup_trials=LEAST,
                independent_sampler=optuna.samplers.RandomSampler(seed),
                warn_independent_sampling=False,
                **options,
            )
        if self.name == "nsga2":
            return SteadyNSGAII(seed=seed, **options)
        if self.name == "qmc":
            return NumberedQMC(space, index, entropy, seed, **options)
        return optuna.samplers.RandomSampler(seed)
