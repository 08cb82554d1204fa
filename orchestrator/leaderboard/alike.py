"""Checks that rows of a leaderboard were run alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from ..errors import UserError
from .row import EVERY_POINT, Row

CONDITIONS = ("stream", "protocol", "trials", "backbone", "memory")
"""The conditions that rows must have in common, unless they are allowed to differ."""

_LIKE_ANY = {"memory": "0", "trials": EVERY_POINT}  # condition -> the value that is like any other
_ABSENT = "none"
_LONGEST = 60  # letters of a value in a message
_NAMED = 3  # rows that a message names for a value


def check_alike(stream: str, rows: Sequence[Row], allowed: Collection[str]) -> dict[str, str]:
    """Checks that rows of a leaderboard were run alike.

    The condition ``stream`` is the stream's content and its settings without the order. A method without a
    memory may be compared with any memory, and a search that used every point of its space with any number
    of trials.

    Args:
        stream: The stream's name.
        rows: The rows.
        allowed: Those of :data:`CONDITIONS` in which rows may differ.

    Returns:
        The conditions in which they differ, each with its values and their rows, in words.

    Raises:
        UserError: Rows differ in a condition that is not among ``allowed``. The message is one line.
    """
    found = _differences(rows)
    refused = {name: said for name, said in found.items() if name.partition(".")[0] not in allowed}
    if refused:
        names = dict.fromkeys(name.partition(".")[0] for name in refused)
        raise UserError(
            f"{stream}: not run alike: {'; '.join(f'{k} is {said}' for k, said in refused.items())}; "
            f"allowed: --allow {' '.join(names)}, or fewer rows by --methods, --runs or --where"
        )
    return found


def shared(rows: Sequence[Row]) -> dict[str, str]:
    """The conditions that all rows share, by name, without the stream's settings."""
    told = [row.conditions() for row in rows]
    names = [name for name in told[0] if name == "stream.content" or not name.startswith("stream.")]
    found = {}
    for name in names:
        values = list(dict.fromkeys(one[name] for one in told))
        others = [value for value in values if value != EVERY_POINT]
        if len(values) == 1:
            found[name] = values[0]
        elif len(others) == 1:
            found[name] = f"{others[0]} or {EVERY_POINT}"
    return found


def _differences(rows: Sequence[Row]) -> dict[str, str]:
    told = [row.conditions() for row in rows]
    methods = Counter(row.group.method for row in rows)
    found = {}
    for name in dict.fromkeys(name for one in told for name in one):
        values: dict[str, dict[str, None]] = {}
        for row, one in zip(rows, told, strict=True):
            several = methods[row.group.method] > 1
            named = row.group.label if several else row.group.method
            values.setdefault(one.get(name, _ABSENT), {})[named] = None
        if len(values.keys() - {_LIKE_ANY.get(name)}) > 1:
            found[name] = _said(values)
    return found


def _said(values: Mapping[str, Collection[str]]) -> str:
    words = []
    for value, rows in values.items():
        named = list(rows)[:_NAMED] + ["..."] * (len(rows) > _NAMED)
        text = value if len(value) <= _LONGEST else f"{value[: _LONGEST - 1]}…"
        words.append(f"{text} ({', '.join(named)})")
    return " and ".join(words)
