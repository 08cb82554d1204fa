"""Describes a search space for people."""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Mapping, Sequence

from ..schema.scalars import Scalar, text
from .parameter import Parameter

_WIDTH, _RANGE = 98, 44  # columns of a description, and of the ranges in it


def space_lines(parameters: Sequence[Parameter], starts: Sequence[Mapping[str, Scalar]]) -> list[str]:
    """Describes what is searched, in aligned lines for 98 columns: key, range, starting points and condition.

    Args:
        parameters: What is searched.
        starts: The points to begin with, by key.
    """
    rows = []
    for parameter in parameters:
        key = parameter.key
        values = [text(start[key]) if key in start else "-" for start in starts]
        begin = f"start {', '.join(values)}" if any(key in start for start in starts) else ""
        rows.append((parameter.key, parameter.range, ", ".join(filter(None, (begin, parameter.condition)))))
    first, second = (max((len(row[i]) for row in rows), default=0) for i in range(2))
    second = min(second, _RANGE)
    lines = []
    for key, range_, note in rows:
        ranges = textwrap.wrap(range_, second, break_on_hyphens=False)
        notes = textwrap.wrap(note, _WIDTH - first - second - 4, break_on_hyphens=False)
        for name, left, right in itertools.zip_longest([key], ranges, notes, fillvalue=""):
            lines.append(f"{name:{first}}  {left:{second}}  {right}".rstrip())
    return lines
