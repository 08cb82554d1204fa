"""Adds points at which a sweep begins to its search space's own start: what other sweeps found, or a recipe's
values.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..errors import UserError
from ..recipes.recipe import Recipe
from ..schema.config_error import ConfigError, nearest
from ..schema.flatten import flatten
from ..search.fit_start import fit_start
from ..search.search_protocol import SearchProtocol
from ..search.space import Space
from ..search.start_point import StartPoint
from ..storage.run_files import SWEEP_FILE
from ..storage.run_folder import RUNS
from .sweep_request import SweepRequest
from .warm_sweep import warm_sweep

_OPTION = "--warm-start"


@dataclass(frozen=True)
class _Found:
    """The source of a point: dotted key -> value, the keys that were searched there, and a description."""

    values: Mapping[str, Any]
    searched: Sequence[str]
    said: str
    trial: str = ""
    also: Sequence[str] = ()


def warm_start(request: SweepRequest, space: Space, say: Callable[[str], None]) -> tuple[SweepRequest, Space]:
    """Adds to a new sweep the points at which it begins: those of ``--warm-start``, then those of its search
    space. Names among them are looked up.

    The request then has the points themselves, so that the sweep can be resumed without the sweeps that they
    came from.

    Args:
        request: The sweep's request.
        space: The search space.
        say: Takes a line for each point, which says where the point comes from, and a line for what does not
            fit.

    Raises:
        UserError: A name is no sweep or recipe of the method, its sweep saw tasks that this one leaves out,
            or the method refuses its point.
    """
    names = request.warm_start or []
    if names and not space.parameters:
        raise UserError(
            f"{_OPTION} {names[0]}: {space.config.method_name} has nothing to search; allowed: without it"
        )
    asked = [(f"{_OPTION} {name}", StartPoint(None, name)) for name in names]
    asked += [(f"{space.path}: start", point) for point in space.starts]
    if all(point.values is not None for _, point in asked):
        return request, space
    points: list[StartPoint] = []
    protocol = SearchProtocol.of(request.protocol, SWEEP_FILE)
    for where, point in asked:
        new = _looked_up(point, space, protocol, where, say)
        alike = next((one for one in points if one.values == new.values), None)
        if alike is not None:
            say(f"  the point is that of {alike.said}, and is tried once")
        elif new.values:
            points.append(new)
    trials = request.trials or space.trials
    if len(points) > trials:
        those = "those left over are tried once there are more trials"
        say(f"{len(points)} points to begin at for {trials} trial{'s' * (trials > 1)}: {those}")
    starts = [point.plain() for point in points]
    return replace(request, starts=starts), replace(space, starts=tuple(points))


def _looked_up(
    point: StartPoint, space: Space, protocol: SearchProtocol, where: str, say: Callable[[str], None]
) -> StartPoint:
    if point.values is not None:
        return point
    start = _found(point.source, space, protocol, where)
    values, left = fit_start(space, start.values, start.searched)
    say(f"begins at {start.said}")
    for line in (*left, *start.also):
        say(f"  not taken: {line}")
    try:
        space.config.with_values(values)
    except ConfigError as error:
        raise UserError(f"{where}: its point is not accepted: {error}; allowed: without it") from None
    return StartPoint(values, point.source, start.trial)


def _found(name: str, space: Space, protocol: SearchProtocol, where: str) -> _Found:
    method, typed = space.config.method_name, where.startswith(_OPTION)
    recipes = [one for one in Recipe.names() if one.startswith(f"{method}/")]
    if name in recipes:
        return _recipe(Recipe.load(name), space)
    sweeps = sorted(path.parent.name for path in RUNS.glob(f"*/{SWEEP_FILE}")) if typed else []
    if name not in sweeps:
        what = "sweep or recipe" if typed else "recipe"
        raise UserError(f"{where}: no {what} of {method} is called {name!r}{_allowed(name, sweeps, recipes)}")
    sweep = warm_sweep(RUNS / name, method, where)
    if sweep.protocol.per_task:  # its configuration has values that no task was trained with
        raise UserError(
            f"{where}: chose its values at each task, and has none for a whole stream; allowed: a sweep "
            "without --per-task"
        )
    if sweep.stream == space.config.stream_name and not protocol.sees(sweep.protocol):
        raise UserError(
            f"{where}: chose by data that this search leaves out ({sweep.protocol.text} on {sweep.stream}); "
            f"allowed with {protocol.text}: a sweep that saw no later task"
        )
    return _Found(sweep.values, sweep.searched, sweep.said, sweep.trial)


def _allowed(name: str, sweeps: Sequence[str], recipes: Sequence[str]) -> str:
    return nearest(name, [*sweeps, *recipes]) if sweeps or recipes else "; there is none"


def _recipe(recipe: Recipe, space: Space) -> _Found:
    values, own = flatten(recipe.config().to_dict()), flatten(space.config.to_dict())
    fixed = [
        key
        for key in recipe.values
        if key.startswith(("method.", "replay.")) and not space.searches(key) and own.get(key) != values[key]
    ]
    others = f"{len(fixed)} values that are not searched and differ (--recipe {recipe.name} has them all)"
    return _Found(values, (), f"{recipe.name}: {recipe.table}", also=[others] if fixed else [])
