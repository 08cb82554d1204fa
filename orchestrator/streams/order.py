"""The order of a stream's classes or tasks: natural, drawn by a seed, or a list."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np

from ..errors import UserError

Order = Literal["natural"] | int | tuple[int, ...] | tuple[str, ...]
"""The type of ``stream.order``."""

_SEEDS = 2**32 - 1
_SHOWN = 12  # names that an error lists at most


def check_order(order: Any) -> None:
    """Checks an order as far as that is possible without the stream.

    Raises:
        ValueError: The value is no order, or a list that has a name twice. The message is one line.
    """
    if order == "natural" or (type(order) is int and 0 <= order <= _SEEDS):
        return
    listed = isinstance(order, list | tuple) and {type(item) for item in order} in ({int}, {str})
    if not listed:
        raise ValueError(
            f"order: {order!r}, allowed: natural, a seed 0 .. {_SEEDS}, or a list of names or of numbers"
        )
    if twice := [item for item in order if list(order).count(item) > 1]:
        raise ValueError(f"order: {twice[0]!r} is listed twice, allowed: each once")


def ordered(
    order: Order, names: Sequence[str], what: str, draw: Callable[[int, int], np.ndarray] | None = None
) -> list[int]:
    """The indices of classes or tasks in their natural order, arranged as they come.

    Args:
        order: The order, as :func:`check_order` allows it.
        names: N names, in the natural order.
        what: What is ordered, for errors: ``classes`` or ``tasks``.
        draw: ``draw(seed, N)`` gives a permutation of 0 .. N - 1; None: that of NumPy's
            ``default_rng([seed, 0])``.

    Returns:
        A permutation of 0 .. N - 1.

    Raises:
        UserError: A list does not have each name, or each number 0 .. N - 1, once.
    """
    count = len(names)
    if order == "natural":
        return list(range(count))
    if isinstance(order, int):
        return (draw or _permutation)(order, count).tolist()
    number = {name: position for position, name in enumerate(names)}
    positions = [number.get(item, -1) if isinstance(item, str) else item for item in order]
    if wrong := [item for item, position in zip(order, positions, strict=True) if not 0 <= position < count]:
        numbers = isinstance(wrong[0], int)
        allowed = f"0 .. {count - 1}, the numbers of the {what}" if numbers else _some(names)
        raise UserError(f"stream.order: {wrong[0]!r}, allowed: {allowed}")
    if missing := [name for position, name in enumerate(names) if position not in set(positions)]:
        raise UserError(
            f"stream.order: lists {len(positions)} of {count} {what}, not {missing[0]!r}, allowed: each once"
        )
    return positions


def _permutation(seed: int, count: int) -> np.ndarray:
    return np.random.default_rng([seed, 0]).permutation(count)


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
