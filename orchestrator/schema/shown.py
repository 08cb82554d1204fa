"""Writes values and scores for people."""

from __future__ import annotations

import json
from typing import Any


def shown_value(value: Any) -> str:
    """A value of a configuration as ``--set`` takes it: ``true``, ``null`` or a list in JSON.

    A float is shortened to six digits where only rounding is lost (0.00030000000000000003 is shown as
    0.0003).
    """
    if isinstance(value, float):
        short = f"{value:.6g}"
        return repr(value) if float(short) == value else short
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def shown_score(value: float | None) -> str:
    """A metric with two decimals, never ``-0.00``; ``-`` where there is none."""
    # Adding 0 removes the sign of a number that was rounded to -0.
    return "-" if value is None else f"{round(value, 2) + 0.0:.2f}"


def shown_bytes(size: float) -> str:
    """A number of bytes with two or three digits, in powers of 1000: ``512 B``, ``1.3 MB``, ``284 MB``."""
    return _in_powers(size, "B", "kMGT")


def shown_flops(count: float) -> str:
    """A number of floating-point operations, as :func:`shown_bytes` has it: ``1.3 TFLOPs``."""
    return _in_powers(count, "FLOPs", "kMGTPEZ")


def shown_time(seconds: float) -> str:
    """A time with one or two digits: ``40 s``, ``12 min``, ``3.5 h``, ``26 h``."""
    value, unit = max(1.0, seconds), "s"
    for larger, many in (("min", 60), ("h", 60)):
        if value >= 99.5:
            value, unit = value / many, larger
    return f"{value:.1f} {unit}" if value < 9.95 and unit != "s" else f"{value:.0f} {unit}"


def _in_powers(amount: float, unit: str, prefixes: str) -> str:
    value, chosen = float(amount), ""
    for prefix in prefixes:
        if value >= 999.5:
            value, chosen = value / 1000, prefix
    return f"{value:.1f} {chosen}{unit}" if value < 9.95 and chosen else f"{value:.0f} {chosen}{unit}"
