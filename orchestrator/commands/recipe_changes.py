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
    """The values in which a configuration differs from the recipe that it was made of, and what wins over
    what, in lines of 98 columns.

    Args:
        recipe: The recipe.
        config: What all trials share.
        searched: The dotted keys of which each trial has a value of its own.

    Returns:
        The lines; none where all is as the recipe has it. The data's folder, which no recipe says, is no
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
