"""The scenes that the image-text model is pretrained and judged on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..streams.synthetic.colours import COLOURS
from ..streams.synthetic.families import DRAWN, THINGS
from ..streams.synthetic.mixed import arrange_mixed
from ..streams.synthetic.questions.leaning import leaning
from ..streams.synthetic.questions.words import POSTURES
from ..streams.synthetic.render import render
from ..streams.synthetic.scenes import SIZES

QUARTERS = 4
_COUNTS = (0.1, 0.5, 0.2, 0.2)
# The shares of scenes by the number of quarters that are not empty. A model that starts from random weights
# learns where to look from scenes with one.
_FILLED = {1: 0.7, 2: 0.2, 4: 0.1}
_DRAWN_SHARE = 0.7
# The share of scenes whose things are all of one family, and the share of scenes in which no colour comes
# twice.
_ONE_FAMILY, _EACH_ITS_COLOUR = 0.5, 0.6
# The streams' default, since the weights are pretrained on pictures as coarse as theirs.
SIDE = 32
"""The side of the pictures, in pixels."""


@dataclass(frozen=True)
class SceneContents:
    """The things in N scenes.

    Attributes:
        objects: int (N, 4, 5): family, thing, colour, size and count (0 .. 3) of each quarter.
        posture: int (N, 4), index into ``POSTURES``; -1 for things that cannot be seen to lean.
    """

    objects: np.ndarray
    posture: np.ndarray


def draw_scenes(rng: np.random.Generator, families: Sequence[int], n: int) -> SceneContents:
    """Draws scenes with things in one, two or four quarters. No two quarters of a scene have the same thing.

    Args:
        rng: The generator.
        families: The families of the things, by index.
        n: How many scenes are drawn.
    """
    drawn = [index for index in families if index < DRAWN]
    invented = [index for index in families if index >= DRAWN]
    shape = (n, QUARTERS)
    objects = np.zeros((*shape, 5), int)
    pick = rng.choice(drawn, shape) if drawn else rng.choice(invented, shape)
    if drawn and invented:
        pick = np.where(rng.random(shape) < _DRAWN_SHARE, pick, rng.choice(invented, shape))
    pick = np.where(rng.random((n, 1)) < _ONE_FAMILY, pick[:, :1], pick)
    objects[..., 0] = pick
    # The things of one scene have different numbers, so that they differ whatever their families are.
    objects[..., 1] = rng.permuted(np.tile(np.arange(THINGS), (n, 1)), axis=1)[:, :QUARTERS]
    apart = rng.permuted(np.tile(np.arange(len(COLOURS)), (n, 1)), axis=1)[:, :QUARTERS]
    objects[..., 2] = np.where(
        rng.random((n, 1)) < _EACH_ITS_COLOUR, apart, rng.integers(0, len(COLOURS), shape)
    )
    objects[..., 3] = rng.integers(0, len(SIZES), shape)
    count = rng.choice(len(_COUNTS), shape, p=_COUNTS)
    leans = np.array([[t in leaning(f) for f, t in row] for row in objects[..., :2].tolist()])
    posture = np.where(leans, rng.integers(0, len(POSTURES), shape), -1)
    filled = rng.choice(list(_FILLED), n, p=list(_FILLED.values()))
    order = rng.permuted(np.tile(np.arange(QUARTERS), (n, 1)), axis=1)
    objects[..., 4] = count.clip(1) * (order < filled[:, None])
    return SceneContents(objects, posture)


def draw_pictures(rng: np.random.Generator, told: SceneContents) -> np.ndarray:
    """Draws the pictures of the scenes: uint8 (N, 3, 32, 32)."""
    tilt = np.array([*POSTURES.values(), 0])[told.posture]
    scenes = arrange_mixed(rng, told.objects, tilt)
    return np.ascontiguousarray(render(scenes, np.arange(len(scenes)), SIDE).transpose(0, 3, 1, 2))
