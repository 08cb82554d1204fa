"""Scenes of things of any families, with one kind of thing in each quarter of the picture."""

from __future__ import annotations

import numpy as np

from .colours import COLOURS
from .scenes import Scenes

_MOST = 3
# By count - 1: the sides of small and big things in parts of the picture's side, and the position of each
# thing relative to the quarter's centre.
_SIDES = np.array([[0.3, 0.44], [0.21, 0.26], [0.17, 0.22]])
_PLACES = np.array(
    [
        [[0.0, 0.0], [0.0, 0.0], [0.0, 0.0]],
        [[-0.115, -0.115], [0.115, 0.115], [0.0, 0.0]],
        [[0.0, -0.115], [-0.12, 0.115], [0.12, 0.115]],
    ]
)


def arrange_mixed(rng: np.random.Generator, objects: np.ndarray, tilt: np.ndarray | None = None) -> Scenes:
    """Scenes of up to four groups, one in each quarter of the picture: top left, top right, bottom left,
    bottom right.

    As in :func:`~orchestrator.streams.synthetic.scenes.arrange`, several equal things are smaller, and
    position, size, tilt and shade vary a little. ``Scenes.group`` is the quarter.

    Args:
        rng: The generator.
        objects: int (N, 4, 5): family, thing, colour, size and count (0 .. 3) of each quarter, in that order.
            Where the count is 0 the quarter is empty and the rest is ignored.
        tilt: int (N, 4), degrees, clockwise, -40 .. 40: the tilt around which the things of each quarter
            vary. None: they stand upright.
    """
    n = len(objects)
    shape = (n, 4, _MOST)
    family, thing, colour, size, count = (objects[:, :, None, k] for k in range(5))
    number, told = np.arange(_MOST), (count - 1).clip(0)
    side = _SIDES[told, size] * rng.uniform(0.95, 1.05, shape)
    away = _PLACES[told, number]
    # The diagonal of a pair falls to either side.
    away = away * np.stack([np.ones((n, 4, 1)), rng.choice([-1.0, 1.0], (n, 4, 1))], -1)
    loose = 0.4 * (0.25 - np.abs(away).max(-1) - side / 2).clip(0)
    centre = np.array([[0.25, 0.25], [0.75, 0.25], [0.25, 0.75], [0.75, 0.75]])[:, None]
    position = centre + away + rng.uniform(-1, 1, (*shape, 2)) * loose[..., None]
    shade = np.array(list(COLOURS.values()))[colour] * rng.uniform(0.88, 1.04, (n, 4, 1, 1))
    lean = 0 if tilt is None else tilt[:, :, None]
    columns = {
        "family": np.where(number < count, family, -1).astype(np.int16),
        "thing": thing.astype(np.int8),
        "colour": colour.astype(np.int8),
        "size": size.astype(np.int8),
        "group": np.arange(4, dtype=np.int8)[:, None],
        "x": position[..., 0].astype(np.float16),
        "y": position[..., 1].astype(np.float16),
        "side": side.astype(np.float16),
        "tilt": (lean + 3 * rng.integers(-2, 3, shape)).astype(np.int8),
        "rgb": np.clip(shade, 0, 255).round().astype(np.uint8),
    }
    columns = {
        k: np.broadcast_to(v, (*shape, 3) if k == "rgb" else shape).reshape(n, 4 * _MOST, *v.shape[3:])
        for k, v in columns.items()
    }
    there = columns["family"] >= 0
    order = np.argsort(~there, axis=1, kind="stable")[:, : max(there.sum(1).max(initial=1), 1)]
    columns = {
        k: np.take_along_axis(v, order[..., None] if k == "rgb" else order, 1) for k, v in columns.items()
    }
    return Scenes(**columns, background=rng.integers(0, 24, (n, 3), dtype=np.uint8))
