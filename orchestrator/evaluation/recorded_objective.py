"""What the search space of a run that lies on the disk says was searched for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

from .objective import Objective

_MODES: Mapping[str, Literal["max", "min"]] = {"max": "max", "min": "min"}


def recorded_objective(space: Any, margin: float = 0.0) -> Objective | None:
    """The objective of a search space, the first of several with the others.

    It is read without a look at which metrics there are, as runs of other versions may have others.

    Args:
        space: The file's content.
        margin: See :class:`~orchestrator.evaluation.objective.Objective`.

    Returns:
        The objective; None where the file does not have one as a sweep wrote it.
    """
    try:
        found = [_read(one) for one in space.get("objectives", None) or [space["objective"]]]
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
    return replace(found[0], margin=margin, others=tuple(found[1:]))


def _read(goal: Any) -> Objective:
    bound = goal.get("at_most", goal.get("at_least"))
    if not isinstance(goal["metric"], str):
        raise TypeError(goal)
    return Objective(goal["metric"], _MODES[goal["mode"]], bound=None if bound is None else float(bound))
