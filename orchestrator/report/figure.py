"""A picture of a page."""

from __future__ import annotations

from .html import Html, tag


def figure(svg: str, *caption: str) -> Html:
    """An SVG with its caption, of whose parts text is escaped.

    Args:
        svg: What a function of :mod:`orchestrator.report.drawing` drew.
        caption: Its caption.
    """
    return tag("figure", Html(svg), tag("figcaption", *caption))
