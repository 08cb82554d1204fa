"""Draws scenes as pixels."""

from __future__ import annotations

import numpy as np

from .scenes import Scenes
from .sprite import stamp


def render(scenes: Scenes, rows: np.ndarray, size: int) -> np.ndarray:
    """Draws scenes, antialiased, with later objects over earlier ones.

    Args:
        scenes: The scenes.
        rows: The rows of the scenes that are drawn.
        size: The side S in pixels.

    Returns:
        uint8 (n, S, S, 3), in the order of ``rows``.
    """
    out = np.empty((len(rows), size, size, 3), np.uint8)
    canvas = np.empty((size, size, 3), np.float32)
    family, thing, tilt = (column[rows].tolist() for column in (scenes.family, scenes.thing, scenes.tilt))
    side = np.maximum(np.rint(scenes.side[rows].astype(np.float32) * size), 3).astype(int)
    left, top = (
        np.clip(
            np.rint(centre[rows].astype(np.float32) * size - side / 2).astype(int), 0, size - side
        ).tolist()
        for centre in (scenes.x, scenes.y)
    )
    side = side.tolist()
    rgb = scenes.rgb[rows].astype(np.float32)
    for i, background in enumerate(scenes.background[rows]):
        canvas[:] = background
        for j, index in enumerate(family[i]):
            if index < 0:
                break
            width = side[i][j]
            through, added = stamp(index, thing[i][j], width, tilt[i][j])
            area = canvas[top[i][j] : top[i][j] + width, left[i][j] : left[i][j] + width]
            area *= through
            area += added * rgb[i, j]
        np.rint(canvas, out=canvas)
        out[i] = canvas
    return out
