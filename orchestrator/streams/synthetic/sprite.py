"""Draws a thing once for each size and tilt."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from .families import family

_DARK = 0.12
_KEPT = 64


def stamp(family_index: int, thing: int, side: int, tilt: int) -> tuple[np.ndarray, np.ndarray]:
    """Computes what the thing covers and how bright it is, antialiased.

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
    cosine, sine = np.cos(np.radians(tilt)), np.sin(np.radians(tilt))
    # A tilted drawing must stay inside its square. Otherwise it would be cut at the edges.
    half = canvas / 2 / (abs(cosine) + 0.5 * abs(sine))
    turn = np.array([[cosine, sine], [-sine, cosine]]) * half * 0.94
    parts: list[tuple[str, list[Any], float]] = [
        (part.tone, [*map(tuple, (part.points @ turn + canvas / 2).tolist())], part.width * half)
        for part in family(family_index).parts[thing]
    ]
    cover = _drawn(parts, canvas, {"body": 255, "dark": 255, "hole": 0}, oversample)
    through, added = 1 - cover, cover
    if any(tone == "dark" for tone, _, _ in parts):  # otherwise its brightness equals its cover
        added = _drawn(parts, canvas, {"body": 255, "dark": round(255 * _DARK), "hole": 0}, oversample)
    through.setflags(write=False)
    added.setflags(write=False)
    return through, added


def _drawn(
    parts: list[tuple[str, list[Any], float]],
    canvas: int,
    shades: dict[str, int],
    oversample: int,
) -> np.ndarray:
    """Parts (tone, points, width of a line or 0) over each other, in the shade of their tone."""
    image = Image.new("L", (canvas, canvas))
    draw = ImageDraw.Draw(image)
    for tone, points, width in parts:
        fill = shades[tone]
        if width == 0:
            draw.polygon(points, fill=fill)
            continue
        width = max(width, 1)
        draw.line(points, fill=fill, width=round(width), joint="curve")
        for x, y in (points[0], points[-1]):
            draw.ellipse((x - width / 2, y - width / 2, x + width / 2, y + width / 2), fill=fill)
    return np.asarray(image.reduce(oversample), np.float32)[..., None] / 255


_kept = lru_cache(maxsize=2048)(_draw)
