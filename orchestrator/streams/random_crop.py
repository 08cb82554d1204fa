"""Draws random crops of pictures."""

from __future__ import annotations

import math

import numpy as np

_TRIES = 10
_RATIO = (3 / 4, 4 / 3)
CROP_DRAWS = 4 * _TRIES
"""How many random numbers the crop of one picture needs."""


def random_crops(draws: np.ndarray, height: int, width: int) -> list[tuple[int, int, int, int]]:
    """Draws crops as torchvision's RandomResizedCrop does, of area 0.2 .. 1 and ratio 3/4 .. 4/3.

    The first of ten tries that fits is taken. Where none fits, it is the largest part of the middle that has
    such a ratio.

    Args:
        draws: float64 (n, :data:`CROP_DRAWS`) in [0, 1), one row for each crop.
        height: The pictures' height in pixels.
        width: Their width.

    Returns:
        Top, left, height and width of each crop, in pixels.
    """
    tries = draws.reshape(-1, _TRIES, 4)
    area = height * width * (0.2 + 0.8 * tries[:, :, 0])
    low, high = math.log(_RATIO[0]), math.log(_RATIO[1])
    ratio = np.exp(low + (high - low) * tries[:, :, 1])
    wide = np.rint(np.sqrt(area * ratio)).astype(np.int64)
    tall = np.rint(np.sqrt(area / ratio)).astype(np.int64)
    fits = (wide > 0) & (wide <= width) & (tall > 0) & (tall <= height)
    rows, first = np.arange(len(tries)), fits.argmax(1)
    wide, tall = wide[rows, first], tall[rows, first]
    top = np.floor(tries[rows, first, 2] * (height - tall + 1)).astype(np.int64)
    left = np.floor(tries[rows, first, 3] * (width - wide + 1)).astype(np.int64)
    drawn = np.stack([top, left, tall, wide], axis=1)
    drawn[~fits.any(1)] = _middle(height, width)
    return [(a, b, c, d) for a, b, c, d in drawn.tolist()]


def _middle(height: int, width: int) -> tuple[int, int, int, int]:
    tall = min(height, round(width / _RATIO[0]))
    wide = min(width, round(height * _RATIO[1]))
    return (height - tall) // 2, (width - wide) // 2, tall, wide
