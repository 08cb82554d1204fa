"""Writes a p value for tables."""

from __future__ import annotations

_LEAST = 0.001


def shown_p(p: float) -> str:
    """``0.039`` with three digits behind the point, or ``< 0.001``.

    Args:
        p: 0 .. 1.
    """
    return f"{p:.3f}" if p >= _LEAST else f"< {_LEAST}"
