"""A picture of a page."""

from __future__ import annotations

from .html import Html, tag


def figure(svg: str, *caption: str) -> Html:
    """An SVG with its caption. Text in the caption is escaped.

    Args:
        svg: An SVG that a function of :mod:`orchestrator.report.drawing` drew.
        caption: Its caption.
    """
    return tag("figure", Html(svg), tag("figcaption", *caption))
