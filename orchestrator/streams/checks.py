"""Checks of a stream's configuration."""

from __future__ import annotations

from typing import Any


def check_whole(name: str, value: Any, low: int, high: int | None = None) -> None:
    """Checks that a field's value is an integer in a range.

    Args:
        name: The field's name.
        value: Its value.
        low: The least that is allowed.
        high: The most that is allowed; None: there is no upper limit.

    Raises:
        ValueError: It is not. The message is one line.
    """
    whole = isinstance(value, int) and not isinstance(value, bool)
    if not whole or value < low or (high is not None and value > high):
        allowed = f", at least {low}" if high is None else f" {low} .. {high}"
        raise ValueError(f"{name}: {value!r}, allowed: an integer{allowed}")


def check_share(name: str, value: Any, *, none: bool = False) -> None:
    """Checks that a field's value is above 0 and at most 0.5.

    Args:
        name: The field's name.
        value: Its value.
        none: Whether 0 is allowed, too.

    Raises:
        ValueError: It is not. The message is one line.
    """
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not (0 < value <= 0.5 or (none and value == 0)):
        allowed = "0 to 0.5" if none else "above 0, at most 0.5"
        raise ValueError(f"{name}: {value!r}, allowed: {allowed}")


def check_number(name: str, value: Any, low: float, high: float) -> None:
    """Checks that a field's value is a number in a range.

    Args:
        name: The field's name.
        value: Its value.
        low: The least that is allowed.
        high: The most that is allowed.

    Raises:
        ValueError: The value is no such number. The message is one line.
    """
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not low <= value <= high:
        raise ValueError(f"{name}: {value!r}, allowed: a number {low:g} .. {high:g}")
