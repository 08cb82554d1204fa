"""Checks single fields."""

from __future__ import annotations

from typing import Any

from ...json_file import shown
from ...shows import shows


def text_fault(value: Any) -> str | None:
    """Why ``value`` cannot be a question, an answer or a name, such as ``is 5``; None where it can."""
    if not isinstance(value, str) or not shows(value):
        return f"is {shown(value)}"
    if value.isascii():
        return None
    try:
        value.encode()
    except UnicodeEncodeError:  # JSON's escapes allow lone surrogates
        return "holds half a character"
    return None


def whole_number(value: Any) -> int | None:
    """The integer from 0 on that ``value`` is, or that it spells in ASCII digits; else None."""
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= 18:
        value = int(value)
    return value if type(value) is int and 0 <= value < 10**18 else None
