"""Writes numbers for a page."""

from __future__ import annotations

import math

MISSING = "–"
"""The text in the place of a missing number."""


def shown_number(value: float | None, digits: int = 1, *, signed: bool = False) -> str:
    """A number with so many digits behind the point, never ``-0.0``; a dash where there is none.

    Args:
        value: The number; None, NaN and infinities are shown as a dash.
        digits: Digits behind the point.
        signed: Whether a number above 0 has its sign.
    """
    if value is None or not math.isfinite(value):
        return MISSING
    # Adding 0 removes the sign of a number that was rounded to -0.
    value = round(value, digits) + 0.0
    return f"{value:+.{digits}f}" if signed and value else f"{value:.{digits}f}"
