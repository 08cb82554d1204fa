"""What is wrong with a value of a configuration, in one line."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..errors import UserError


class ConfigError(UserError):
    """A value of a configuration is wrong.

    ``key``: the dotted key; ``problem``: what was found and what is allowed, without the place; ``where``:
    the file or option that it came from. The message is the three in one line.
    """

    def __init__(self, key: str, problem: str, where: str = "") -> None:
        super().__init__(f"{where + ' ' if where else ''}{key}: {problem}")
        self.key = key
        self.problem = problem
        self.where = where

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.key, self.problem, self.where)


def known(name: Any, key: str, allowed: Sequence[str], kind: str) -> str:
    """``name`` itself where it is one of ``allowed``; else a :class:`ConfigError` at ``key`` with the
    nearest names first."""
    if name in allowed:
        return name
    raise ConfigError(key, f"unknown {kind} {shown(name)}{nearest(str(name), allowed)}")


def nearest(name: str, allowed: Iterable[str]) -> str:
    """The end of an error: what was probably meant, then all that is allowed."""
    allowed, name = list(allowed), name.lower()
    near = [word for word in allowed if name and word.lower().startswith(name)]
    if not near:
        written = {word.lower(): word for word in allowed}
        near = [written[word] for word in difflib.get_close_matches(name, written, n=3, cutoff=0.6)]
    meant = f"; did you mean {' or '.join(near)}?" if near else "; "
    return f"{meant}{' A' if near else 'a'}llowed are {', '.join(allowed)}"


def shown(value: Any) -> str:
    """A value as its writer would know it again, on one line."""
    if isinstance(value, Mapping):
        return f"a mapping ({', '.join(str(key) for key in value)})" if value else "an empty mapping"
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    return repr(value)
