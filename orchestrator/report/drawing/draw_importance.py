"""Draws which values of a search mattered, as bars."""

from __future__ import annotations

from ..what_mattered import WhatMattered
from .canvas import WIDTH, Canvas

_ROW, _NAMES, _NUMBER = 18, 170, 34  # a bar's height with its gap, and the room of names and numbers
_MOST = 12


def draw_importance(what: WhatMattered, title: str) -> str:
    """Draws the largest shares as SVG, with a bar for each. A bar is coloured where its share can be told
    from chance.

    Args:
        what: What mattered.
        title: What the chart shows.
    """
    shown = [(one, one.share) for one in what.found if one.share is not None][:_MOST]
    canvas = Canvas(_ROW * len(shown) + 6, title)
    room = WIDTH - _NAMES - _NUMBER
    for row, (one, share) in enumerate(shown):
        top = row * _ROW + 4
        kind = "point" if one.told else "untold"
        canvas.squares([(_NAMES, top)], (max(room * share, 1), _ROW - 6), kind, 1)
        canvas.text((_NAMES - 5, top + 10), one.key.partition(".")[2] or one.key, "small", "end")
        canvas.text((_NAMES + room * share + 5, top + 10), f"{100 * share:.0f} %", "small", "start")
    return canvas.svg()
