"""The grid that a vision transformer's position embeddings are of."""

from __future__ import annotations

from math import isqrt


def grid_side(name: str, rows: int) -> int:
    """n of 1 + n^2 ``rows``: the class token's and the patches'. Raises :class:`ValueError`, with what a
    sentence that begins with the weights' name goes on with, for any other number (a distilled model's has
    two tokens); ``name`` is the embeddings'.
    """
    side = isqrt(max(rows - 1, 0))
    if side < 1 or side * side != rows - 1:
        raise ValueError(
            f"do not fit the model: {name} has {rows} rows, which are no square and a class token"
        )
    return side
