"""A thing, drawn once for each size and tilt."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw

from .families import family

_DARK = 0.12
_KEPT = 64


def stamp(family_index: int, thing: int, side: int, tilt: int) -> tuple[np.ndarray, np.ndarray]:
    """What the thing covers and how bright it is, antialiased.

    Args:
        family_index: The family.
        thing: The thing's index in the family.
        side: The side in pixels.
        tilt: Degrees, clockwise.

    Returns:
        Two read-only float32 (side, side, 1) in 0 .. 1: the share of the background that shows through, and
        the share of the object's colour that is added to it.
    """
    # Small ones are kept (at most 64 MB). Large ones would fill the memory.
    return (_kept if side <= _KEPT else _draw)(family_index, thing, side, tilt)


def _draw(family_index: int, thing: int, side: int, tilt: int) -> tuple[np.ndarray, np.ndarray]:
    oversample = 4 if side <= _KEPT else 2
    canvas = side * oversample
    cover, ink = Image.new("L", (canvas, canvas)), Image.new("L", (canvas, canvas))
    cosine, sine = np.cos(np.radians(tilt)), np.sin(np.radians(tilt))
    # A tilted drawing must stay inside its square. Otherwise it would be cut at the edges.
    half = canvas / 2 / (abs(cosine) + 0.5 * abs(sine))
    turn = np.array([[cosine, sine], [-sine, cosine]]) * half * 0.94
    for part in family(family_index).parts[thing]:
        points = [tuple(p) for p in part.points @ turn + canvas / 2]
        shown = 0 if part.tone == "hole" else 255
        bright = {"body": 255, "dark": round(255 * _DARK), "hole": 0}[part.tone]
        for image, value in ((cover, shown), (ink, bright)):
            draw = ImageDraw.Draw(image)
            if part.width == 0:
                draw.polygon(points, fill=value)
            else:
                width = max(part.width * half, 1)
                draw.line(points, fill=value, width=round(width), joint="curve")
                for x, y in (points[0], points[-1]):
                    draw.ellipse((x - width / 2, y - width / 2, x + width / 2, y + width / 2), fill=value)
    through, added = (np.asarray(i.reduce(oversample), np.float32)[..., None] / 255 for i in (cover, ink))
    through = 1 - through
    through.setflags(write=False)
    added.setflags(write=False)
    return through, added


_kept = lru_cache(maxsize=2048)(_draw)
