"""Scenes: their objects, with looks and positions."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from .colours import COLOURS

SIZES = ("small", "big")
"""The names of the sizes, by index."""


@dataclass(frozen=True)
class Scenes:
    """N scenes of up to M objects, as columns. A scene's objects fill the first columns.

    Counts and relations are not stored, since they follow from the objects.

    Attributes:
        family: int16 (N, M); -1 where there is no object.
        thing: int8 (N, M), index in its family.
        colour: int8 (N, M), index into ``COLOURS``.
        size: int8 (N, M), index into ``SIZES``.
        group: int8 (N, M). Objects of one group are alike and stand together. The scene is about group 0.
        x: float16 (N, M), the centre, in parts of the picture's side.
        y: float16 (N, M), the centre, in parts of the picture's side, downwards.
        side: float16 (N, M), in parts of the picture's side.
        tilt: int8 (N, M), degrees.
        rgb: uint8 (N, M, 3), the shade of the object's colour.
        background: uint8 (N, 3).
    """

    family: np.ndarray
    thing: np.ndarray
    colour: np.ndarray
    size: np.ndarray
    group: np.ndarray
    x: np.ndarray
    y: np.ndarray
    side: np.ndarray
    tilt: np.ndarray
    rgb: np.ndarray
    background: np.ndarray

    def __len__(self) -> int:
        return len(self.family)

    def columns(self) -> list[np.ndarray]:
        """All columns, in a fixed order."""
        return [getattr(self, f.name) for f in fields(self)]


def arrange(rng: np.random.Generator, family: int | np.ndarray, groups: np.ndarray) -> Scenes:
    """Scenes of four groups, one in each quarter of the picture: top left, top right, bottom left, bottom
    right.

    Two equal things stand on a diagonal of their quarter and are smaller. Position, size, tilt and shade vary
    a little: enough that no two pictures are alike, and so little that a small model learns in a hundred
    steps how a thing looks.

    Args:
        rng: The generator.
        family: The family of all things, or int (N, 4), the family of each group.
        groups: int (N, 4, 4): thing, colour, size and count (1 or 2) of each group, in that order.
    """
    n, most = len(groups), 2
    shape = (n, 4, most)
    thing, colour, size, count = (groups[:, :, None, k] for k in range(4))
    families = np.broadcast_to(family, (n, 4))[:, :, None]
    number = np.arange(most)
    side = np.where(count == 1, np.where(size == 1, 0.44, 0.3), np.where(size == 1, 0.28, 0.21))
    side = side * rng.uniform(0.95, 1.05, shape)
    # Offsets are seen from the quarter's centre. The slope of the diagonal is the same for both things.
    away = np.where(count == 1, 0.0, np.where(number == 0, -0.125, 0.125))
    slope = rng.choice([-1.0, 1.0], (n, 4, 1))
    loose = 0.4 * (0.25 - np.abs(away) - side / 2).clip(0)
    x, y = (
        centre[:, None] + offset + rng.uniform(-1, 1, shape) * loose
        for centre, offset in (
            (np.array([0.25, 0.75, 0.25, 0.75]), away),
            (np.array([0.25, 0.25, 0.75, 0.75]), away * slope),
        )
    )
    shade = np.array(list(COLOURS.values()))[colour] * rng.uniform(0.88, 1.04, (n, 4, 1, 1))
    columns = {
        "family": np.where(number < count, families, -1).astype(np.int16),
        "thing": thing.astype(np.int8),
        "colour": colour.astype(np.int8),
        "size": size.astype(np.int8),
        "group": np.arange(4, dtype=np.int8)[:, None],
        "x": x.astype(np.float16),
        "y": y.astype(np.float16),
        "side": side.astype(np.float16),
        "tilt": (3 * rng.integers(-2, 3, shape)).astype(np.int8),
        "rgb": np.clip(shade, 0, 255).round().astype(np.uint8),
    }
    columns = {
        k: np.broadcast_to(v, (*shape, 3) if k == "rgb" else shape).reshape(n, 4 * most, *v.shape[3:])
        for k, v in columns.items()
    }
    order = np.argsort(columns["family"] < 0, axis=1, kind="stable")
    columns = {
        k: np.take_along_axis(v, order[..., None] if k == "rgb" else order, 1) for k, v in columns.items()
    }
    return Scenes(**columns, background=rng.integers(0, 24, (n, 3), dtype=np.uint8))
