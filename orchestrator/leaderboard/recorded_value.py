"""Turns a recorded text into a value of a configuration."""

from __future__ import annotations


def recorded_value(text: str) -> int | float | str:
    """The number that a text stands for, else the text. The record has only texts.

    Args:
        text: A parameter's value.
    """
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
