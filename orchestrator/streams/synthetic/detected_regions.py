"""Region features of scenes, as a pretrained detector would give them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from .colours import COLOURS
from .families import DRAWN, THINGS
from .scenes import SIZES, Scenes

WIDTH = 48
"""The length of a region's features."""

_STEEPEST = 45.0  # degrees
# The parts of a thing's features, with the length of each. Detectors are trained to name objects, and
# attributes beside them.
_FAMILY, _THING, _COLOUR, _SIZE, _TILT = 0.6, 0.8, 0.7, 0.4, 0.7


@dataclass(frozen=True)
class DetectedRegions:
    """The regions that a detector finds in scenes: one for each thing, and background.

    The features of a thing are the sum of fixed directions for its object, colour and size, and of one whose
    length is the tilt. Objects of a family have a direction in common. Each region has noise of its own, so
    that two pictures of an object are not alike. Background has only noise. The order of the regions has no
    meaning. A reading does not depend on which rows are read together.

    Attributes:
        scenes: The scenes.
        regions: R, at least as many as a scene has things.
        noise: The expected length of the noise, where an object's own features have length 1.
        seeds: int (N, K), the seeds from which the noise of each row is drawn.
    """

    scenes: Scenes
    regions: int
    noise: float
    seeds: np.ndarray

    def __len__(self) -> int:
        return len(self.scenes)

    def read(self, rows: np.ndarray) -> np.ndarray:
        """The regions at ``rows``: float32 (n, R, WIDTH + 4), the same at every reading. Boxes come last."""
        out = np.empty((len(rows), self.regions, WIDTH + 4), np.float32)
        for regions, row in zip(out, rows, strict=True):
            self._find(regions, row)
        return out

    def _find(self, regions: np.ndarray, row: int) -> None:
        rng = np.random.default_rng(self.seeds[row])
        corner = rng.uniform(0, 0.6, (self.regions, 2))
        regions[:, WIDTH:] = np.concatenate([corner, corner + rng.uniform(0.2, 0.4, (self.regions, 2))], 1)
        regions[:, :WIDTH] = self.noise / np.sqrt(WIDTH) * rng.standard_normal((self.regions, WIDTH))
        there = np.flatnonzero(self.scenes.family[row] >= 0)
        places = rng.permutation(self.regions)[: len(there)]
        regions[places, :WIDTH] += self._shown(row, there)
        regions[places, WIDTH:] = self._boxes(row, there) + rng.normal(0, 0.01, (len(there), 4))

    def _shown(self, row: int, there: np.ndarray) -> np.ndarray:
        s, way = self.scenes, _directions()
        family, thing = s.family[row, there].astype(int), s.thing[row, there]
        parts = (
            way["family"][family],
            way["thing"][family * THINGS + thing],
            way["colour"][s.colour[row, there]],
            way["size"][s.size[row, there]],
            way["tilt"] * (s.tilt[row, there, None] / _STEEPEST),
        )
        return np.sum(parts, axis=0)

    def _boxes(self, row: int, there: np.ndarray) -> np.ndarray:
        x, y, half = (
            getattr(self.scenes, name)[row, there].astype(np.float64) for name in ("x", "y", "side")
        )
        half = half / 2
        return np.stack([x - half, y - half, x + half, y + half], 1)


@cache
def _directions() -> dict[str, np.ndarray]:
    """The directions of each part, (number, WIDTH) of the part's length. They belong to the detector, and are
    the same in every stream.
    """
    rng = np.random.default_rng(48)
    counts = {
        "family": (DRAWN, _FAMILY),
        "thing": (DRAWN * THINGS, _THING),
        "colour": (len(COLOURS), _COLOUR),
        "size": (len(SIZES), _SIZE),
        "tilt": (1, _TILT),
    }
    made = {}
    for name, (count, length) in counts.items():
        ways = rng.standard_normal((count, WIDTH))
        made[name] = length * ways / np.linalg.norm(ways, axis=1, keepdims=True)
    return made
