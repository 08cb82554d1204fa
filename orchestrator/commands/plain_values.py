"""Values that a program sets in the place of a command line."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike, fspath
from typing import Any

import numpy as np

from ..config import at_home
from ..errors import UserError

_SECTIONS = ("method", "stream", "replay", "run")
_KINDS = "text, whole numbers, numbers, True, False, None, lists and mappings of these"


def plain_values(values: Mapping[str, Any] | None) -> dict[str, Any]:
    """Returns ``values`` as ``--set`` gives them, with the types that a configuration's file has.

    A tuple becomes a list, NumPy's number Python's, a path its text, and ``~/`` the user's home.

    Raises:
        UserError: A value has another type, such as an array, or is an empty mapping; or a key is no text.
    """
    if values is None:
        return {}
    if not isinstance(values, Mapping):
        raise UserError(f"set: {str(values)[:60]!r}; allowed: a mapping of dotted keys to values")
    plain = {str(key): _plain(value, str(key)) for key, value in values.items()}
    for key, value in plain.items():
        _check_full(key, value)
    return plain


def _check_full(key: str, value: Any) -> None:
    """Checks that a key stands for something, which an empty mapping does not. A section may be empty."""
    if value == {} and key not in _SECTIONS:
        raise UserError(f"set: {key} is an empty mapping; allowed: a value, or keys below it")
    for name, inner in value.items() if isinstance(value, dict) else ():
        _check_full(f"{key}.{name}", inner)


def _plain(value: Any, key: str) -> Any:
    if isinstance(value, PathLike):
        value = fspath(value)
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or type(value) in (bool, int, float, str):
        return at_home(value)
    if isinstance(value, Mapping):
        return {str(name): _plain(inner, f"{key}.{name}") for name, inner in value.items()}
    if isinstance(value, list | tuple | range):
        return [_plain(inner, key) for inner in value]
    raise UserError(f"set: {key} is {type(value).__name__} {str(value)[:60]!r}; allowed: {_KINDS}")
