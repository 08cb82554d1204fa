"""Checks whether a sweep of a recipe has validation data to go by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import UserError
from ..recipes.recipe import Recipe

_KEY = "stream.validation"


def check_recipe_searched(name: str, values: Mapping[str, Any]) -> None:
    """Checks that a sweep is not of a recipe that trains on everything, as released codes do. The stream need
    not be read for that.

    Args:
        name: The recipe's name.
        values: Dotted key -> value of what the sweep fixes, as
            :func:`~orchestrator.commands.recipe_values.recipe_values` returns it.

    Raises:
        UserError: Nothing is held out that the search could go by. The message is one line, and names the
            recipe of the paper's reading.
    """
    if Recipe.load(name).values.get(_KEY) != 0 or values.get(_KEY) != 0:
        return
    paper = name.removesuffix("-reference")
    raise UserError(
        f"--recipe {name}: trains on all training data ({_KEY} 0), which leaves a search nothing to choose "
        f"by; allowed: --recipe {paper}, --set {_KEY}=0.1, or train --recipe {name}"
    )
