"""Reads a rule of a search space's file that is chosen by name, with options."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn


def named_rule(
    value: Any,
    options: Mapping[str, Mapping[str, Any]],
    allowed: Mapping[str, Sequence[Any]],
    fail: Callable[[str, str], NoReturn],
) -> tuple[str, dict[str, Any]]:
    """Reads a name, or a mapping with ``name`` and options of the types that their defaults have.

    Args:
        value: The value in the file.
        options: Name -> its options -> their defaults.
        allowed: The words that an option may be, or the least value of a number.
        fail: ``fail(key below this one, problem)`` raises the error.

    Returns:
        The name, and the given options.
    """
    given = dict(value) if isinstance(value, Mapping) else {"name": value}
    name = given.pop("name", None)
    if not isinstance(name, str) or name not in options:
        fail("name" if isinstance(value, Mapping) else "", f"{name!r}: allowed are {', '.join(options)}")
    for key, found in given.items():
        if key not in options[name]:
            known = ", ".join(options[name]) or "none"
            fail(str(key), f"no option of {name}; allowed: {known}")
        _check(str(key), found, options[name][key], allowed.get(key, ()), fail)
    return name, given


def _check(
    key: str, found: Any, usual: Any, allowed: Sequence[Any], fail: Callable[[str, str], NoReturn]
) -> None:
    if isinstance(usual, bool):
        if not isinstance(found, bool):
            fail(key, f"{found!r}: allowed are false, true")
    elif isinstance(usual, str):
        if found not in allowed:
            fail(key, f"{found!r}: allowed are {', '.join(allowed)}")
    elif isinstance(found, bool) or not isinstance(found, (int, type(usual))):
        fail(key, f"{found!r}: allowed are {'whole numbers' if isinstance(usual, int) else 'numbers'}")
    elif not allowed[0] <= found < float("inf"):
        fail(key, f"{found!r}: allowed is {allowed[0]} or more")
