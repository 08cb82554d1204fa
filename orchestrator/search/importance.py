"""Measures which hyper-parameters of a search mattered, by functional ANOVA."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..report.what_mattered import LEAST, Mattered, WhatMattered
from ..statistics.main_effects import main_effects

if TYPE_CHECKING:
    import optuna

    from ..record.trial_entry import TrialEntry

_MOST = 100  # trials that a forest learns; of more, as many are taken, evenly by rank
_NULL = "null"  # stands for a value that is None, which a column has where a trial lacks the key


def importance(
    space: Callable[[Any], Any],
    trials: Sequence[TrialEntry],
    value: Callable[[TrialEntry], float | None],
    mode: str,
) -> WhatMattered:
    """Computes how much of the order of a search's trials each hyper-parameter explains by itself.

    A share is that of fANOVA (Hutter, Hoos and Leyton-Brown, ICML 2014), by Optuna: the part of a random
    forest's variance that is due to one value alone. The forest learns the trials' ranks, so that stopped
    trials count. Trials that walked the whole stream come first. Stopped trials come behind them, the
    earliest stopped last. Diverged trials come at the end. Trials that are equally good share their mean
    rank, since the order in which they ran has no meaning. Failures of the infrastructure do not count. A
    value that is searched under a condition has no share, since the forest needs values that all trials have.

    With few trials a forest also gives shares to values that have no effect.
    :func:`~orchestrator.statistics.main_effects.main_effects` tells which values can be told from chance. The
    same trials give the same numbers.

    Args:
        space: The define-by-run function.
        trials: The search's trials.
        value: Gives a trial's objective after its last finished task.
        mode: Whether a higher (``max``) or a lower (``min``) objective is better.

    Returns:
        For each key its share and its p. With less than a dozen trials nothing is measured. With more than a
        hundred trials, a hundred are used, evenly by rank. Where all trials are equally good, no key has a
        share.
    """
    ordered = [(order, entry) for entry in trials if (order := _order(entry, value(entry), mode)) is not None]
    ordered.sort(key=lambda one: (one[0], one[1].number))
    if len(ordered) > _MOST:
        ordered = [ordered[number * len(ordered) // _MOST] for number in range(_MOST)]
    ranked, ranks = [entry for _, entry in ordered], _ranks([order for order, _ in ordered])
    keys = list(dict.fromkeys(key for entry in ranked for key in entry.values))
    if len(ranked) < LEAST or not keys:
        return WhatMattered(len(ranked))
    p = main_effects(ranks, [[_told(entry, key) for entry in ranked] for key in keys])
    common = [key for key in keys if all(key in entry.values for entry in ranked)]
    common = [key for key in common if len({entry.values[key] for entry in ranked}) > 1]
    differ = len(set(ranks)) > 1
    shares = _shares(_study(space, ranked), common, ranks) if common and differ else {}
    found = [Mattered(key, shares.get(key), chance) for key, chance in zip(keys, p, strict=True)]
    return WhatMattered(
        len(ranked), tuple(sorted(found, key=lambda one: (-(one.share or 0), one.p, one.key)))
    )


def _order(entry: TrialEntry, value: float | None, mode: str) -> tuple[int, int, float] | None:
    """What a trial is sorted by, the best first; None where it says nothing."""
    loss = math.inf if value is None or not math.isfinite(value) else -value if mode == "max" else value
    if entry.status in ("finished", "stopped"):
        return int(entry.status == "stopped"), -len(entry.reports), loss
    return (2, 0, 0.0) if entry.status == "failed" and entry.infeasible else None


def _ranks(orders: Sequence[tuple[int, int, float]]) -> NDArray[np.float64]:
    """(N,), from 0, the rank of each of sorted places; equal ones have the mean of their ranks."""
    numbers: dict[tuple[int, int, float], list[int]] = {}
    for number, order in enumerate(orders):
        numbers.setdefault(order, []).append(number)
    return np.array([fmean(numbers[order]) for order in orders])


def _told(entry: TrialEntry, key: str) -> Any:
    value = entry.values.get(key)
    return _NULL if value is None and key in entry.values else value


def _study(space: Callable[[Any], Any], trials: Sequence[TrialEntry]) -> optuna.Study:
    import optuna

    study = optuna.create_study()
    for entry in trials:
        asked = optuna.trial.FixedTrial(entry.values)
        space(asked)
        study.add_trial(
            optuna.trial.create_trial(params=asked.params, distributions=asked.distributions, value=0.0)
        )
    return study


def _shares(study: optuna.Study, keys: Sequence[str], ranks: NDArray[np.float64]) -> Mapping[str, float]:
    """Each key's part of the sum of all."""
    from optuna.importance import FanovaImportanceEvaluator, get_param_importances

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return get_param_importances(
            study,
            evaluator=FanovaImportanceEvaluator(seed=0),
            params=list(keys),
            target=lambda trial: float(ranks[trial.number]),
        )
