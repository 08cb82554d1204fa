"""Which values of each search mattered."""

from __future__ import annotations

from ..drawing.draw_importance import draw_importance
from ..figure import figure
from ..html import join, tag
from ..stream_result import StreamResult
from .section import Section


def mattered(stream: StreamResult) -> Section | None:
    """A chart for each search that says which of its values mattered, and a sentence for each other search;
    None where no search says anything.

    Args:
        stream: The stream.
    """
    found = [(m.label, m.mattered) for m in stream.methods if m.mattered is not None]
    if not found:
        return None
    about = (
        "How much of the order of a search's trials each value explains by itself (fANOVA). A coloured bar "
        "is told from chance (5 % over all values of a search), a grey one is not."
    )
    drawn = [
        figure(
            draw_importance(what, f"What mattered in the search of {label}"),
            tag("b", label),
            f": {_said(what.said)}",
        )
        for label, what in found
        if what.found
    ]
    others = [tag("li", tag("b", label), f": {_said(what.said)}") for label, what in found if not what.found]
    body = join(
        tag("p", about, kind="soft"),
        *([tag("div", *drawn, kind="grid")] if drawn else []),
        *([tag("ul", *others, kind="soft")] if others else []),
    )
    return Section("What mattered", body, optional=True)


def _said(lines: list[str]) -> str:
    return " ".join(line.strip() for line in lines)
