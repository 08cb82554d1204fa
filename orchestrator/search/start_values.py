"""Selects the values of a point that a search space searches there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..schema.scalars import Scalar
from .parameter import Parameter


def start_values(
    parameters: Sequence[Parameter], fixed: Mapping[str, Any], values: Mapping[str, Scalar]
) -> dict[str, Scalar]:
    """Selects the values of a point that are searched there.

    Args:
        parameters: What is searched. Each parameter comes after those that its ``when`` names.
        fixed: Dotted key -> fixed value.
        values: Dotted key -> value at the point.

    Returns:
        Dotted key -> value, in the order of the parameters.
    """
    kept: dict[str, Scalar] = {}
    for parameter in parameters:
        if parameter.key in values and parameter.active({**fixed, **kept}):
            kept[parameter.key] = values[parameter.key]
    return kept
