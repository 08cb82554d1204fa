"""Shows the names that a file has in an error."""

from __future__ import annotations

from collections.abc import Iterable

_LONGEST = 60  # characters


def called(names: Iterable[str]) -> str:
    """The end of a message on a name that is not among ``names``: ``where one is called '9'``.

    The first of the names is shown, so that a reader sees how the two differ.
    """
    first = next(iter(names), None)
    return "which holds none" if first is None else f"where one is called {first[:_LONGEST]!r}"
