"""Items in lines that a terminal shows whole."""

from __future__ import annotations

from collections.abc import Iterable

_WIDTH = 100


def in_rows(head: str, items: Iterable[str]) -> list[str]:
    """Lines of ``head`` and ``items``, two spaces apart.

    A line has at most 100 letters, or one longer item. Later lines begin below the first item.
    """
    rows: list[list[str]] = [[]]
    for item in items:
        if rows[-1] and len(head) + sum(len(other) + 2 for other in rows[-1]) + len(item) > _WIDTH:
            rows.append([])
        rows[-1].append(item)
    return [(" " * len(head) if n else head) + "  ".join(row) for n, row in enumerate(rows)]
