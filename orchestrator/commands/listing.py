"""The list of what can be run: ``python -m orchestrator.sweep methods [METHOD]``."""

from __future__ import annotations

import inspect
import textwrap

from methods import registry as methods

from ..recipes.recipe import Recipe
from ..schema.registered import registered
from ..search.space import Space
from ..streams import registry as streams

_WIDTH = 100


def listing(of: str | None = None) -> str:
    """Methods, recipes, streams and search spaces, as aligned plain text for 100 columns.

    Args:
        of: A method's name. The text then describes the method, its streams and its search space. None: all
            methods.

    Raises:
        UserError: No method has that name.
    """
    names = methods.names() if of is None else [registered(of, "methods METHOD", methods, "method")]
    scenarios = {scenario for name in names for scenario in methods.get(name).scenarios}
    learnt = [name for name in streams.names() if streams.get(name).scenario in scenarios]
    parts = ["Methods" if of is None else "Method", *_table([_method(name) for name in names])]
    recipes = [recipe for recipe in map(Recipe.load, Recipe.names()) if recipe.method in names]
    if recipes:
        parts += ["", "Recipes", *_table([(r.name, r.stream, r.table) for r in recipes])]
    parts += ["", "Streams", *_table([_stream(name) for name in learnt])]
    for name in [name for name in Space.names() if name in names]:
        space = Space.load(name)
        goal = f"{space.objective.mode} {space.objective.metric}"
        head = f"Search space of {name}: {goal}, {space.trials} trials on {space.config.stream_name}"
        parts += ["", head, *(f"  {line}" for line in space.describe())]
    return "\n".join(parts)


def _method(name: str) -> tuple[str, str, str]:
    method = methods.get(name)
    about = inspect.getdoc(method).partition("\n\n")[0]
    return name, ", ".join(sorted(method.scenarios)), " ".join(about.split())


def _stream(name: str) -> tuple[str, str, str]:
    stream = streams.get(name)
    return name, stream.scenario, stream.summary


def _table(rows: list[tuple[str, str, str]]) -> list[str]:
    first, second = (max(len(row[i]) for row in rows) for i in range(2))
    lines: list[str] = []
    for name, scenario, about in rows:
        head = f"  {name:{first}}  {scenario:{second}}  "
        lines += textwrap.wrap(
            head + about, _WIDTH, subsequent_indent=" " * len(head), break_on_hyphens=False
        )
    return lines
