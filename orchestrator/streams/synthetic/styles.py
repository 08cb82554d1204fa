"""Styles of drawing: they change the look of a picture of the generated world, and not its content."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, get_args

import numpy as np

Style = Literal["plain", "paper", "outline", "striped", "mosaic", "faded", "night", "inked"]

STYLES: tuple[Style, ...] = get_args(Style)


def drawn_in(style: Style, pictures: np.ndarray) -> np.ndarray:
    """Draws pictures in a style. Things keep their positions and their hues.

    Args:
        style: ``plain`` leaves pictures as they are.
        pictures: uint8 (n, S, S, 3), S at least 16.

    Returns:
        uint8 (n, S, S, 3).
    """
    if style == "plain":
        return pictures
    look = _STYLES[style](pictures.astype(np.float32))
    return look.clip(0, 255).round().astype(np.uint8, order="C")


def _light(x: np.ndarray) -> np.ndarray:
    """How bright each pixel is, 0 .. 1, (n, S, S, 1)."""
    return x.max(-1, keepdims=True) / 255


def _paper(x: np.ndarray) -> np.ndarray:
    light = _light(x)
    return 0.85 * x * light + 235 * (1 - light)


def _edges(x: np.ndarray) -> np.ndarray:
    light = _light(x)
    shape = light.shape[1:3]
    padded = np.pad(light, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="edge")
    around = [padded[:, i : i + shape[0], j : j + shape[1]] for i, j in ((0, 1), (2, 1), (1, 0), (1, 2))]
    return (light - np.minimum.reduce(around)).clip(0, 1)


def _outline(x: np.ndarray) -> np.ndarray:
    return x * _edges(x)


def _striped(x: np.ndarray) -> np.ndarray:
    side = x.shape[1]
    line = np.arange(side) * 32 // side
    dim = np.where((line[:, None] + line[None]) // 2 % 2 == 0, 1.0, 0.3)
    return x * dim[:, :, None]


def _mosaic(x: np.ndarray) -> np.ndarray:
    side = x.shape[1]
    tile = np.arange(side) * 12 // side
    first = np.searchsorted(tile, np.arange(12))
    size = np.diff(np.append(first, side))
    sums = np.add.reduceat(np.add.reduceat(x, first, 1), first, 2)
    means = sums / (size[:, None, None] * size[None, :, None])
    return means[:, tile][:, :, tile]


def _faded(x: np.ndarray) -> np.ndarray:
    return 130 + 0.4 * x


def _night(x: np.ndarray) -> np.ndarray:
    return 0.25 * x


def _inked(x: np.ndarray) -> np.ndarray:
    edges = _edges(x)
    return _paper(x) * (1 - (2 * edges).clip(0, 1))


_STYLES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "paper": _paper,
    "outline": _outline,
    "striped": _striped,
    "mosaic": _mosaic,
    "faded": _faded,
    "night": _night,
    "inked": _inked,
}
