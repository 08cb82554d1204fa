"""A value of a configuration as the record has it."""

from __future__ import annotations


def recorded_value(text: str) -> int | float | str:
    """The number that a text is, else the text. The record has texts alone.

    Args:
        text: A parameter's value.
    """
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
