"""What a search space's file says that is searched for."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NoReturn

from ..evaluation.objective import COSTS, Objective
from ..schema.config_error import ConfigError, known

_BOUNDS = {"at_most": "min", "at_least": "max"}

Fail = Callable[[str, str], NoReturn]


def read_objective(values: Any, at: str, allowed: Sequence[str], fail: Fail) -> Objective:
    """Reads a mapping of ``metric`` and ``mode``.

    Args:
        values: What is written.
        at: Its dotted key.
        allowed: The metrics that may be the objective.
        fail: ``fail(dotted key, problem)`` raises the error.
    """
    if not isinstance(values, Mapping) or set(values) != {"metric", "mode"}:
        fail(at, f"expected the keys metric, mode, found {values!r}")
    metric, mode = values["metric"], values["mode"]
    if isinstance(metric, str) and metric.startswith("test/"):
        fail(
            f"{at}.metric",
            f"'{metric}': a search must not look at test data; allowed are {', '.join(allowed)}",
        )
    try:
        known(metric, f"{at}.metric", allowed, "metric")
    except ConfigError as error:
        fail(f"{at}.metric", error.problem)
    if mode not in ("max", "min"):
        fail(f"{at}.mode", f"allowed are max, min, found {mode!r}")
    right = Objective.better(metric)
    if mode != right:
        less = "less" if mode == "max" else "more"
        fail(f"{at}.mode", f"'{mode}': {less} {metric} is better; allowed is {right}")
    return Objective(metric, mode)


def read_objectives(values: Any, first: Sequence[str], beside: Sequence[str], fail: Fail) -> Objective:
    """Reads a list of two or more objectives, each with ``metric``, ``mode`` and, where there is a bound,
    ``at_most`` or ``at_least``.

    Args:
        values: What is written.
        first: The metrics that every task reports, one of which the first objective has to be.
        beside: Further scores that the others may be. They may be a cost as well.
        fail: ``fail(dotted key, problem)`` raises the error.

    Returns:
        The first objective, which has the others.
    """
    if not isinstance(values, list) or len(values) < 2:
        fail("objectives", f"expected a list of two or more, each with metric and mode, found {values!r}")
    found: list[Objective] = []
    for number, one in enumerate(values, 1):
        at = f"objectives.{number}"
        allowed = [*first, *beside, *COSTS] if found else list(first)
        bounds = {key: one[key] for key in _BOUNDS if key in one} if isinstance(one, Mapping) else {}
        rest = {key: one[key] for key in one if key not in bounds} if isinstance(one, Mapping) else one
        objective = read_objective(rest, at, allowed, fail)
        if objective.metric in [other.metric for other in found]:
            fail(f"{at}.metric", f"'{objective.metric}' is given twice")
        for key, bound in bounds.items():
            if _BOUNDS[key] != objective.mode:
                right = "at_most" if key == "at_least" else "at_least"
                fail(f"{at}.{key}", f"the mode of {objective.metric} is {objective.mode}; allowed is {right}")
            if isinstance(bound, bool) or not isinstance(bound, int | float) or not math.isfinite(bound):
                fail(f"{at}.{key}", f"{bound!r}: allowed are numbers")
            objective = replace(objective, bound=float(bound))
        found.append(objective)
    return replace(found[0], others=tuple(found[1:]))
