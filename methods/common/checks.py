"""Range checks of hyper-parameters."""

from __future__ import annotations

import math


def check_range(
    name: str,
    value: float,
    low: float,
    high: float = math.inf,
    *,
    open_low: bool = False,
    open_high: bool = False,
) -> None:
    """Checks that a hyper-parameter lies in a range.

    Args:
        name: The parameter's name.
        value: Its value.
        low: The lower end.
        high: The upper end.
        open_low: Whether the lower end itself is not allowed.
        open_high: Whether the upper end itself is not allowed.

    Raises:
        ValueError: The value lies outside. The message has one line.
    """
    above = value > low if open_low else value >= low
    below = value < high if open_high else value <= high
    if not (math.isfinite(value) and above and below):
        allowed = f"{'>' if open_low else '>='} {low:g}"
        if high != math.inf:
            allowed += f" and {'<' if open_high else '<='} {high:g}"
        raise ValueError(f"{name} {value} must be {allowed}")
