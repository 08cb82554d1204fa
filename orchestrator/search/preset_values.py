"""What a preset that is asked for by name stands for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from methods import registry as methods

from ..schema.flatten import flatten


def with_preset(method: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """What a user sets, with the values of a ``method.preset`` among it, so that neither a search space nor a
    recipe replaces these. What the user sets by itself wins over the preset.

    Args:
        method: The method's name. One that is not known has no presets: whoever uses the name says so.
        values: What is set, nested or dotted.

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
