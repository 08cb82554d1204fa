"""Scenes: which objects there are, what they are like and where."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from .colours import COLOURS

SIZES = ("small", "big")
"""The names of the sizes, by index."""


@dataclass(frozen=True)
class Scenes:
    """N scenes of up to M objects, as columns; a scene's objects fill the first places.

    An object: ``family`` int16 (N, M), -1 where there is none; ``thing`` int8 (N, M), index in its family;
    ``colour`` int8 (N, M), index into ``COLOURS``; ``size`` int8 (N, M), index into ``SIZES``; ``group`` int8
    (N, M), objects of one group are alike and stand together, and group 0 is what the scene is about; ``x``,
    ``y`` float16 (N, M), centre, and ``side`` float16 (N, M), all in parts of the picture's side, y
    downwards; ``tilt`` int8 (N, M), degrees; ``rgb`` uint8 (N, M, 3), the shade of its colour.
    ``background``: uint8 (N, 3).

    Counts and relations are not stored: they follow from the objects.
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


def arrange(rng: np.random.Generator, family: int, groups: np.ndarray, relation: np.ndarray) -> Scenes:
    """Scenes of two groups that stand beside or above each other.

    ``groups``: int (N, 2, 4): thing, colour, size, count (1 .. 3) of the group a scene is about and of the
    other one. ``relation``: int (N,): where the first stands, seen from the second: 0 left of, 1 right of, 2
    above, 3 below it. Each group has half of the picture; its objects stand in a row along it, jittered so
    that they do not overlap much.
    """
    n = len(groups)
    most = 3
    count = groups[:, :, 3]
    # Places (n, 2, 3): group, then its objects.
    place = np.broadcast_to(np.arange(most), (n, 2, most))
    real = place < count[:, :, None]
    big = groups[:, :, 2, None] == 1
    side = np.where(big, np.where(count[:, :, None] < most, 0.42, 0.33), 0.24)
    side = side * rng.uniform(0.95, 1.05, (n, 2, most))
    slot = 1 / count[:, :, None]
    loose = np.maximum(slot - side, 0) * 0.45
    along = (place + 0.5) * slot + rng.uniform(-1, 1, (n, 2, most)) * loose
    first_near = np.isin(relation, (0, 2))[:, None]
    near = np.concatenate([first_near, ~first_near], 1)[:, :, None]
    across = np.where(near, 0.25, 0.75) + rng.uniform(-1, 1, (n, 2, most)) * (0.25 - side / 2).clip(0) * 0.8
    sideways = (relation < 2)[:, None, None]
    x, y = np.where(sideways, across, along), np.where(sideways, along, across)

    def per_object(values: np.ndarray, dtype: type) -> np.ndarray:
        return np.broadcast_to(values[:, :, None], (n, 2, most)).astype(dtype)

    columns = {
        "family": np.full((n, 2, most), family, np.int16),
        "thing": per_object(groups[:, :, 0], np.int8),
        "colour": per_object(groups[:, :, 1], np.int8),
        "size": per_object(groups[:, :, 2], np.int8),
        "group": np.broadcast_to(np.arange(2, dtype=np.int8)[:, None], (n, 2, most)),
        "x": x.astype(np.float16),
        "y": y.astype(np.float16),
        "side": side.astype(np.float16),
        "tilt": (6 * rng.integers(-2, 3, (n, 2, most))).astype(np.int8),
    }
    shades = np.array(list(COLOURS.values()))[groups[:, :, 1]]
    rgb = np.clip(shades * rng.uniform(0.88, 1.04, (n, 2, 1)), 0, 255).round().astype(np.uint8)
    columns["rgb"] = np.broadcast_to(rgb[:, :, None], (n, 2, most, 3))
    columns["family"] = np.where(real, columns["family"], np.int16(-1))
    order = np.argsort(~real.reshape(n, -1), axis=1, kind="stable")
    flat = {k: v.reshape(n, 2 * most, *v.shape[3:]) for k, v in columns.items()}
    flat = {k: np.take_along_axis(v, order[..., None] if v.ndim == 3 else order, 1) for k, v in flat.items()}
    return Scenes(**flat, background=rng.integers(0, 56, (n, 3), dtype=np.uint8))
