"""Turns a recipe into what a command line gives."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from methods import registry as methods

from ..config import RunConfig, data_values, flatten
from ..errors import UserError
from ..recipes.recipe import Recipe
from ..schema.config_error import ConfigError, known
from ..search import shipped_spaces
from ..search.preset_values import with_preset
from .named_space import named_space


def recipe_values(
    name: str,
    method: str | None,
    space: str | Path | None,
    stream: str | None,
    values: Mapping[str, Any],
) -> tuple[str, str, dict[str, Any]]:
    """Returns what a sweep of a recipe searches and fixes.

    Args:
        name: The recipe's name.
        method: METHOD, which must not be given beside a recipe.
        space: ``--space FILE``; None: the space that is shipped for the recipe's method.
        stream: ``--stream``, in the place of the recipe's.
        values: ``--set``. Its values win over those of a preset that it names, and both win over the recipe.

    Returns:
        Method, stream, and dotted key -> value of what is fixed.

    Raises:
        UserError: There is no such recipe, or METHOD is given as well.
    """
    recipe = Recipe.load(name)
    if method is not None:
        raise UserError(f"{method}: beside --recipe {name}; allowed: one of the two")
    preset, given = _typed(recipe, values)
    chosen = stream or given.get("stream.name") or recipe.stream
    file = shipped_spaces.find(named_space(recipe.method, space))
    return recipe.method, chosen, {**recipe.beside(file, chosen, preset), **given}


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
        space: ``--space``, which must not be given here.
        stream: ``--stream``, in the place of the recipe's.
        data: ``--data``.
        values: ``--set``, which wins over the recipe as in :func:`recipe_values`.

    Raises:
        UserError: There is no such recipe, a search space is given, or a value is wrong.
    """
    if space is not None:
        raise UserError(f"--space {space}: beside --recipe {name}, which is not searched; leave it out")
    recipe = Recipe.load(name)
    preset, given = _typed(recipe, values)
    config = recipe.config(stream or given.get("stream.name"), preset)
    if data is not None:
        given |= data_values(config.stream_name, data)
    return config.with_values(given, "--set")


def _typed(recipe: Recipe, values: Mapping[str, Any]) -> tuple[str | None, dict[str, Any]]:
    """The preset that is set, and dotted key -> value of what is set, with what the preset stands for."""
    given = flatten(values)
    if "method.preset" not in given:
        return None, given
    try:
        presets = methods.get(recipe.method).presets
        preset = known(given["method.preset"], "method.preset", list(presets), "preset")
    except ConfigError as error:
        raise ConfigError(error.key, error.problem, "--set") from None
    return preset, with_preset(recipe.method, given)
