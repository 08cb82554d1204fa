"""Adds the values of a preset that is given by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from methods import registry as methods

from ..schema.flatten import flatten


def with_preset(method: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values that a user sets, with those of a ``method.preset`` among them, so that neither a search
    space nor a recipe replaces the preset's values. A value that the user sets by itself wins over the
    preset.

    Args:
        method: The method's name. An unknown method has no presets here; its name is checked where it is
            used.
        values: The user's values, nested or dotted.

    Returns:
        Dotted key -> value.
    """
    given = flatten(values)
    preset = given.get("method.preset")
    if not isinstance(preset, str):
        return given
    try:
        presets = methods.get(method).presets
    except ValueError:
        return given
    return {**{f"method.{key}": value for key, value in flatten(presets.get(preset, {})).items()}, **given}
