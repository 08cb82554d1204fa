"""The things that can be seen to lean."""

from __future__ import annotations

from functools import cache
from itertools import combinations

import numpy as np

from ..families import THINGS
from ..sprite import stamp
from .words import POSTURES

_SIDE, _LEAST = 14, 0.08


@cache
def leaning(index: int) -> frozenset[int]:
    """The things of the family whose postures look different. A disc's postures look the same."""
    return frozenset(thing for thing in range(THINGS) if _difference(index, thing) >= _LEAST)


def _difference(index: int, thing: int) -> float:
    drawn = [1 - stamp(index, thing, _SIDE, tilt)[0] for tilt in POSTURES.values()]
    return min(float(np.abs(a - b).mean()) for a, b in combinations(drawn, 2))
