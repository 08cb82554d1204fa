"""The error for a wrong value of a configuration, in one line."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..errors import UserError


class ConfigError(UserError):
    """A value of a configuration is wrong. The message joins the three attributes in one line.

    Attributes:
        key: The dotted key.
        problem: What was found and what is allowed, without the place.
        where: The file or option that the value came from.
    """

    def __init__(self, key: str, problem: str, where: str = "") -> None:
        super().__init__(f"{where + ' ' if where else ''}{key}: {problem}")
        self.key = key
        self.problem = problem
        self.where = where

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.key, self.problem, self.where)


def known(name: Any, key: str, allowed: Sequence[str], kind: str) -> str:
    """Checks that ``name`` is one of ``allowed``, and returns it.

    Args:
        name: The value of ``key``.
        key: The dotted key, for the error.
        allowed: All names.
        kind: What the names stand for, for the error.

    Raises:
        ConfigError: It is none of them. The message has the nearest names first.
    """
    if name in allowed:
        return name
    raise ConfigError(key, f"unknown {kind} {shown(name)}{nearest(str(name), allowed)}")


def nearest(name: str, allowed: Iterable[str]) -> str:
    """The end of an error message: the names that were probably meant, then all that are allowed."""
    allowed, name = list(allowed), name.lower()
    near = [word for word in allowed if name and word.lower().startswith(name)]
    if not near:
        written = {word.lower(): word for word in allowed}
        near = [written[word] for word in difflib.get_close_matches(name, written, n=3, cutoff=0.6)]
    meant = f"; did you mean {' or '.join(near)}?" if near else "; "
    return f"{meant}{' A' if near else 'a'}llowed are {', '.join(allowed)}"


def shown(value: Any) -> str:
    """A value on one line, as its writer would recognise it."""
    if isinstance(value, Mapping):
        return f"a mapping ({', '.join(str(key) for key in value)})" if value else "an empty mapping"
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    return repr(value)
