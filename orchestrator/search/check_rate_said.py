"""Checks that no value is given for the learning rate that is chosen at each task."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import UserError
from ..schema.shown import shown_value
from .space import Space


def check_rate_said(space: Space, values: Mapping[str, Any], where: str = "") -> None:
    """Checks that the values that a walk of the protocol ``per-task`` was given have not the learning rate,
    which each task chooses. One that is given would be the only one that is tried, or be ignored.

    Args:
        space: The search space; one that is no such walk is not checked.
        values: Dotted key -> the value that ``--set``, a recipe or a study gives.
        where: What gives it, for the error, such as ``kept: ``.

    Raises:
        UserError: They have it. The message is one line.
    """
    plan = space.config.per_task
    if plan is not None and (key := plan.learning_rate) in values:
        raise UserError(
            f"{where}{key}={shown_value(values[key])}: by the protocol per-task each task chooses it; "
            f"allowed: without it, or per_task.learning_rates in the search space's file ({space.path}, or a "
            "copy with --space)"
        )
