"""Computes the grid of a vision transformer's position embeddings."""

from __future__ import annotations

from math import isqrt


def grid_side(name: str, rows: int) -> int:
    """Returns n, where the number of rows is 1 + n^2: one row for the class token and one for each patch.

    Args:
        name: The embeddings' name.
        rows: The number of their rows.

    Raises:
        ValueError: There is any other number of rows (a distilled model has two tokens). The message
            continues a sentence that begins with the weights' name.
    """
    side = isqrt(max(rows - 1, 0))
    if side < 1 or side * side != rows - 1:
        raise ValueError(
            f"do not fit the model: {name} has {rows} rows, which are no square and a class token"
        )
    return side
