"""Counts the points of a search space."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .parameter import Parameter


def count_points(parameters: Sequence[Parameter], known: Mapping[str, Any], most: int) -> int:
    """How many different points there are, counted up to ``most``.

    Args:
        parameters: What is searched. Each parameter comes after those that its ``when`` names.
        known: Dotted key -> fixed value.
        most: 1 or more.

    Returns:
        1 to ``most``; 1 where nothing is searched.
    """
    if not parameters:
        return 1
    parameter, *others = parameters
    if not parameter.active(known):
        return count_points(others, known, most)
    if parameter.values is None:
        return most
    count = 0
    for value in parameter.values:
        count += count_points(others, {**known, parameter.key: value}, most - count)
        if count >= most:
            return most
    return count
