"""Makes scenes of one or two things, anywhere in the picture."""

from __future__ import annotations

import numpy as np

from .colours import COLOURS
from .scenes import Scenes

# The least and the largest side in parts of the picture's side, by number of objects and by size.
_SIDES = np.array([[[0.38, 0.52], [0.62, 0.86]], [[0.28, 0.36], [0.4, 0.5]]])


def scatter(rng: np.random.Generator, objects: np.ndarray) -> Scenes:
    """Scenes of one or two given objects, anywhere in the picture.

    Position, side, tilt (up to 25 degrees), shade and background vary much more than in
    :func:`~orchestrator.streams.synthetic.scenes.arrange`. Two objects stand on either side of the centre and
    hardly cover each other.

    Args:
        rng: The generator.
        objects: int (N, M, 4): family (-1: no object), thing, colour and size. M is 1 or 2. An object that is
            missing comes last.
    """
    n, most = objects.shape[:2]
    family, thing, colour, size = np.moveaxis(objects, 2, 0)
    two = (family >= 0).sum(1) > 1
    sides = _SIDES[two.astype(int)[:, None], size]
    side = rng.uniform(sides[..., 0], sides[..., 1])
    loose = np.where(two[:, None], 0.05, (1 - side) / 2)
    turn = rng.uniform(0, 2 * np.pi, (n, 1)) + np.pi * np.arange(most)
    away = np.where(two, 0.27, 0.0)[:, None]
    x = 0.5 + away * np.cos(turn) + rng.uniform(-1, 1, (n, most)) * loose
    y = 0.5 + away * np.sin(turn) + rng.uniform(-1, 1, (n, most)) * loose
    shade = np.array(list(COLOURS.values()))[colour] * rng.uniform(0.75, 1.04, (n, most, 1))
    return Scenes(
        family=family.astype(np.int16),
        thing=thing.astype(np.int8),
        colour=colour.astype(np.int8),
        size=size.astype(np.int8),
        group=np.broadcast_to(np.arange(most, dtype=np.int8), (n, most)),
        x=x.astype(np.float16),
        y=y.astype(np.float16),
        side=side.astype(np.float16),
        tilt=(5 * rng.integers(-5, 6, (n, most))).astype(np.int8),
        rgb=np.clip(shade, 0, 255).round().astype(np.uint8),
        background=rng.integers(0, 70, (n, 3), dtype=np.uint8),
    )
