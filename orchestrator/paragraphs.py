"""The last lines of a command."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

_WIDTH = 100


def paragraphs(lines: Iterable[str]) -> str:
    """``lines`` as one text, whose parts are set apart by one empty line each: parts that had nothing to say
    leave no gap, at the beginning neither.
    """
    parts = ["\n".join(group) for there, group in groupby(lines, bool) if there]
    return "\n\n".join(parts)


def in_rows(head: str, items: Iterable[str]) -> list[str]:
    """``head`` and ``items``, two spaces apart, in lines of 100 letters at most, or of one longer item; later
    lines begin below the first item.
    """
    rows: list[list[str]] = [[]]
    for item in items:
        if rows[-1] and len(head) + sum(len(other) + 2 for other in rows[-1]) + len(item) > _WIDTH:
            rows.append([])
        rows[-1].append(item)
    return [(" " * len(head) if n else head) + "  ".join(row) for n, row in enumerate(rows)]
