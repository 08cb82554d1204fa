"""Checks the points at which a search begins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..config import RunConfig
from ..errors import UserError
from ..schema.scalars import Scalar
from .parameter import Parameter
from .start_values import start_values


def check_starts(
    starts: Sequence[Mapping[str, Scalar]],
    parameters: Sequence[Parameter],
    fixed: Mapping[str, Any],
    config: RunConfig,
    where: str,
) -> None:
    """Checks that each point with which a search begins is a point of its space that the method accepts.

    Args:
        starts: For each point, dotted key -> value.
        parameters: What is searched. Each parameter comes after those that its ``when`` names.
        fixed: Dotted key -> fixed value.
        config: The base configuration.
        where: Where the points were found. The error begins with it.

    Raises:
        UserError: A point is not. The message is one line.
    """
    searched = {parameter.key: parameter for parameter in parameters}
    for values in starts:
        for key, value in values.items():
            if key not in searched or not searched[key].contains(value):
                shown = str(value)[:60]
                raise UserError(
                    f"{where}: start: {key} {shown!r} is not searched; allowed: what the space has"
                )
        if list(start_values(parameters, fixed, values)) != list(values):
            raise UserError(
                f"{where}: start: {', '.join(values)}: allowed is what is searched there, in its order"
            )
        config.with_values(values, f"{where}: start:")
