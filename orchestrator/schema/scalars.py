"""Scalars as a configuration has them: when two are equal, what a number is, and how one is written."""

from __future__ import annotations

import math
from typing import Any, TypeGuard

Scalar = str | int | float | bool | None


def same(a: Scalar, b: Scalar) -> bool:
    """Whether two configured values are equal: 64 is 64.0, but 1 is not true."""
    return a == b and isinstance(a, bool) == isinstance(b, bool)


def text(value: Scalar) -> str:
    """A value as YAML writes it, with numbers in six digits."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str) and "," in value:
        return f'"{value}"'  # a list written as text, whose commas would mix with those around it
    return f"{value:g}" if isinstance(value, float) else str(value)


def is_number(value: Any) -> TypeGuard[int | float]:
    """Whether the value is a finite float or an integer of 64 bits. A bool is no number."""
    if isinstance(value, int):
        return not isinstance(value, bool) and -(2**63) <= value < 2**63
    return isinstance(value, float) and math.isfinite(value)
