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
    """Raises a one-line :class:`ValueError` unless ``value`` lies in the range; an open end is left out."""
    above = value > low if open_low else value >= low
    below = value < high if open_high else value <= high
    if not (math.isfinite(value) and above and below):
        allowed = f"{'>' if open_low else '>='} {low:g}"
        if high != math.inf:
            allowed += f" and {'<' if open_high else '<='} {high:g}"
        raise ValueError(f"{name} {value} must be {allowed}")
