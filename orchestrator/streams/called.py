"""How a file names what a record looks for in it."""

from __future__ import annotations

from collections.abc import Iterable

_LONGEST = 60  # characters


def called(names: Iterable[str]) -> str:
    """The end of a message on a name that is not among ``names``: ``where one is called '9'``; the first of
    them shows what the two have not in common.
    """
    first = next(iter(names), None)
    return "which holds none" if first is None else f"where one is called {first[:_LONGEST]!r}"
