"""What a recipe stands for on a command line."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..config import RunConfig, data_values, flatten
from ..errors import UserError
from ..recipes.recipe import Recipe
from ..search import shipped_spaces
from .named_space import named_space


def recipe_values(
    name: str,
    method: str | None,
    space: str | Path | None,
    stream: str | None,
    values: Mapping[str, Any],
) -> tuple[str, str, dict[str, Any]]:
    """What a sweep of a recipe is asked for.

    Args:
        name: The recipe's name.
        method: METHOD, in whose place the recipe stands.
        space: ``--space FILE``; None: the space that is shipped for the recipe's method.
        stream: ``--stream``, in the place of the recipe's.
        values: ``--set``, which wins over the recipe.

    Returns:
        Method, stream, and dotted key -> value of what is fixed.

    Raises:
        UserError: There is no such recipe, or METHOD is given as well.
    """
    recipe = Recipe.load(name)
    if method is not None:
        raise UserError(f"{method}: beside --recipe {name}; allowed: one of the two")
    given = flatten(values)
    chosen = stream or given.get("stream.name") or recipe.stream
    file = shipped_spaces.find(named_space(recipe.method, space))
    return recipe.method, chosen, {**recipe.beside(file, chosen), **given}


def recipe_config(
    name: str,
    space: str | Path | None,
    stream: str | None,
    data: str | Path | None,
    values: Mapping[str, Any],
) -> RunConfig:
    """The configuration that a run without a search takes from a recipe.

    Args:
        name: The recipe's name.
        space: ``--space``, which has no place here.
        stream: ``--stream``, in the place of the recipe's.
        data: ``--data``.
        values: ``--set``, which wins over the recipe.

    Raises:
        UserError: There is no such recipe, a search space is given, or a value is wrong.
    """
    if space is not None:
        raise UserError(f"--space {space}: beside --recipe {name}, which is not searched; leave it out")
    given = flatten(values)
    config = Recipe.load(name).config(stream or given.get("stream.name"))
    if data is not None:
        given |= data_values(config.stream_name, data)
    return config.with_values(given, "--set")
