"""What a command line changes of a recipe, as a preview tells it."""

from __future__ import annotations

import textwrap
from collections.abc import Collection

from ..config import RunConfig
from ..recipes.recipe import Recipe
from ..schema.flatten import flatten
from .key_facts import value_text

_WIDTH = 98


def recipe_changes(recipe: Recipe, config: RunConfig, searched: Collection[str]) -> list[str]:
    """Lists the values in which a configuration differs from its recipe, and which source of a value wins, in
    lines of 98 columns.

    Args:
        recipe: The recipe.
        config: The configuration that all trials share.
        searched: The dotted keys that the search gives each trial.

    Returns:
        The lines; none where nothing differs from the recipe. The data's folder, which no recipe names, is no
        change.
    """
    own = flatten(recipe.config(config.stream_name).to_dict())
    parts = [
        f"{key} {value_text(value)} (the recipe: {value_text(own[key])})"
        for key, value in flatten(config.to_dict()).items()
        if value != own[key] and key != "stream.data" and key not in searched
    ]
    if config.stream_name != recipe.stream:
        parts.insert(0, f"stream.name {config.stream_name} (the recipe: {recipe.stream}), at its own values")
    if not parts:
        return []
    order = "what is set by itself wins over a preset that is set, and both win over the recipe"
    return [
        textwrap.fill(line, _WIDTH, subsequent_indent=" " * 6, break_on_hyphens=False)
        for line in (f"  set here: {', '.join(parts)}", f"  {order}")
    ]
