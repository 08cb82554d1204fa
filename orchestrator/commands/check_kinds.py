"""Checks the types of arguments that a program passes. A command line passes text and numbers alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Integral, Real
from os import PathLike
from typing import Any

from ..errors import UserError

_ALLOWED = {
    "method": "a method's name, or module:Class",
    "recipe": "a recipe's name",
    "stream": "a stream's name, or module:Class",
    "space": "the file of a search space",
    "data": "a folder",
    "config": "the file of a configuration",
    "name": "a plain name",
    "storage": "a URL or a folder, as text",
    "resume": "a run's name",
    "continue_from": "a run's name",
    "run": "a run's name, or its folder",
    "trial": "a trial's id",
    "gallery": "a folder with pictures",
    "register": "a name",
    "test": "True or False",
    "per_task": "True or False",
    "say": "a function of a text",
}
_SWITCHES = ("test", "per_task")
_NEEDED = ("run", *_SWITCHES)
_PATHS = ("space", "data", "config", "run", "gallery")


def check_kinds(**asked: Any) -> None:
    """Checks names, paths, switches and functions. ``None`` passes, except for a run and a switch.

    Args:
        **asked: Name of an argument -> its value.

    Raises:
        UserError: A value has another type, or is an empty text. The message is one line.
    """
    for name, value in asked.items():
        if (value is not None or name in _NEEDED) and not _fits(name, value):
            raise UserError(f"{_called(name)} {short(value)}: allowed: {_ALLOWED[name]}")


def whole(option: str, value: Any) -> int | None:
    """A number of trials or tasks as Python's whole number; None for None.

    Raises:
        UserError: It is no whole number from 1. The message is one line.
    """
    if value is None:
        return None
    if not _is_whole(value) or value < 1:
        raise UserError(f"--{option} {short(value)}: allowed are whole numbers from 1")
    return int(value)


def points(option: str, value: Any) -> float | None:
    """Points of the objective as Python's number; None for None.

    Raises:
        UserError: It is no number. The message is one line.
    """
    if value is None:
        return None
    try:
        if isinstance(value, Real) and not isinstance(value, bool) and 0 <= float(value) < math.inf:
            return float(value)
    except OverflowError:
        pass
    raise UserError(f"--{option} {short(value)}: allowed are numbers from 0, in points of the objective")


def seeds_of(value: Any) -> list[int] | None:
    """Seeds as Python's whole numbers; None for None.

    Raises:
        UserError: They are not a list of different whole numbers from 0 to 2**32 - 1. The message is one
            line.
    """
    if value is None:
        return None
    listed = isinstance(value, Sequence) and not isinstance(value, str | bytes) and len(value) > 0
    if listed and all(_is_whole(s) and 0 <= s < 2**32 for s in value) and len({*value}) == len(value):
        return [int(seed) for seed in value]
    said = " ".join(map(short, value)) if listed else short(value)
    raise UserError(f"--seeds {said}: allowed are different whole numbers from 0 to {2**32 - 1}, in a list")


def names_of(option: str, value: Any) -> list[str] | None:
    """Names of sweeps and recipes as a list; None for None.

    Raises:
        UserError: They are not a list of different names. The message is one line.
    """
    if value is None:
        return None
    listed = isinstance(value, Sequence) and not isinstance(value, str | bytes) and len(value) > 0
    if listed and all(isinstance(name, str) and name for name in value) and len({*value}) == len(value):
        return list(value)
    said = " ".join(map(short, value)) if listed else short(value)
    raise UserError(f"--{option} {said}: allowed are different names of sweeps and recipes, in a list")


def short(value: Any) -> str:
    """A value on one line, as its writer would recognise it."""
    text = f"{value:g}" if isinstance(value, float) else repr(value)
    return " ".join(text.split())[:60]


def _fits(name: str, value: Any) -> bool:
    if name in _SWITCHES:
        return isinstance(value, bool)
    if name == "say":
        return callable(value)
    if isinstance(value, PathLike):
        return name in _PATHS
    return isinstance(value, str) and value != ""


def _is_whole(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


def _called(name: str) -> str:
    """An argument's name for a message: that of its option, where the command lines have one."""
    name = "continue" if name == "continue_from" else name
    return name if name in ("method", "run", "trial", "test", "say") else f"--{name.replace('_', '-')}"
