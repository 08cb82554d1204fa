"""All points of a search space."""

from __future__ import annotations

import itertools

from ..errors import UserError
from ..schema.scalars import Scalar
from .space import Space

_LARGEST = 10_000


def grid(space: Space) -> list[dict[str, Scalar]]:
    """All points of a search space except its starts, in the order of the file's values.

    Args:
        space: The search space.

    Raises:
        UserError: There are too many, or endlessly many. The message is one line.
    """
    points: list[dict[str, Scalar]] = [{}]
    for parameter in space.parameters:
        if parameter.values is None:
            raise UserError(
                f"sampler grid: {parameter.key} is any of {parameter.range}; allowed: choices, or a step"
            )
        values = tuple(itertools.islice(parameter.values, _LARGEST + 1))  # there may be a billion
        longer: list[dict[str, Scalar]] = []
        for point in points:
            searched = parameter.active({**space.fixed, **point})
            longer += [{**point, parameter.key: value} for value in values] if searched else [point]
            if len(longer) > _LARGEST:
                raise UserError(f"sampler grid: the space has more than {_LARGEST} points; allowed: fewer")
        points = longer
    return [point for point in points if point not in space.start_points()]
