"""A table of a page."""

from __future__ import annotations

from collections.abc import Sequence

from .html import Html, tag

_LONG = 60  # letters from which on a cell has several lines


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], name: str) -> Html:
    """A table, in a box that scrolls where the screen is narrower.

    Args:
        heads: The columns' heads.
        rows: The rows' cells, the first of which is the row's head.
        name: The table's name on the page, in its attribute ``data-table``.
    """
    head = tag("thead", tag("tr", *(tag("th", cell, scope="col") for cell in heads)))
    lines = [tag("tr", tag("th", row[0], scope="row"), *map(_cell, row[1:])) for row in rows]
    found = tag("table", head, tag("tbody", *lines), **{"data-table": name})
    return tag("div", found, kind="wide", tabindex="0")


def _cell(words: str) -> Html:
    return tag("td", words, kind="long") if len(words) > _LONG else tag("td", words)
