"""Fits values from elsewhere into a search space."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Any

from ..schema.scalars import Scalar, same
from ..schema.shown import shown_value
from .parameter import Parameter
from .space import Space

_NONE = object()


def fit_start(
    space: Space, given: Mapping[str, Any], searched: Collection[str] = ()
) -> tuple[dict[str, Scalar], list[str]]:
    """Makes a whole point of a search space from other values, as far as they fit.

    A parameter takes the given value where the space can give it. Otherwise it takes the value of the space's
    own start, else that of the configuration, else the middle of its range.

    Args:
        space: The search space.
        given: Dotted key -> value, from elsewhere.
        searched: The keys that were searched there. A line says where they are not searched here.

    Returns:
        The point, and a line for each value that does not fit.
    """
    point: dict[str, Scalar] = {}
    left: list[str] = []
    own = space.config.flat()
    for parameter in space.parameters:
        key = parameter.key
        if not parameter.active({**space.fixed, **point}):
            continue
        value = given.get(key, _NONE)
        if value is not _NONE and parameter.contains(value):
            point[key] = _typed(parameter, value)
            continue
        point[key], why = _instead(parameter, space.start or {}, own)
        found = "is not there" if value is _NONE else f"{shown_value(value)}: searched is {parameter.range}"
        left.append(f"{key} {found}; {shown_value(point[key])} instead, {why}")
    for key in searched:
        value = given.get(key, _NONE)
        if value is _NONE or key in point:
            continue
        if space.searches(key):
            left.append(f"{key} {shown_value(value)}: is not searched at this point")
        elif key not in own:
            left.append(f"{key} {shown_value(value)}: no key here")
        elif own[key] != value:
            left.append(f"{key} {shown_value(value)}: is not searched; it is {shown_value(own[key])} here")
    return point, left


def _typed(parameter: Parameter, value: Any) -> Scalar:
    """A value as the parameter itself would give it."""
    if parameter.type == "categorical":
        return next(choice for choice in parameter.choices if same(choice, value))
    return parameter.settled(value) if parameter.type == "float" else int(value)


def _instead(
    parameter: Parameter, start: Mapping[str, Scalar], own: Mapping[str, Scalar]
) -> tuple[Scalar, str]:
    for values, why in ((start, "as at the space's start"), (own, "as without a search")):
        if parameter.key in values and parameter.contains(values[parameter.key]):
            return _typed(parameter, values[parameter.key]), why
    return _middle(parameter), "the middle of its range"


def _middle(parameter: Parameter) -> Scalar:
    if parameter.type == "categorical":
        return parameter.choices[(len(parameter.choices) - 1) // 2]
    assert parameter.low is not None and parameter.high is not None  # it is numeric
    low, high = parameter.low, parameter.high
    middle = math.sqrt(low * high) if parameter.log else (low + high) / 2
    if grid := parameter.step or (1 if parameter.type == "int" else None):
        middle = low + math.floor((middle - low) / grid) * grid
    return _typed(parameter, middle)
