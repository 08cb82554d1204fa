"""Which points of several objectives are better than which others."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def domination_layers(losses: ArrayLike) -> NDArray[np.int64]:
    """Sorts points into layers. A point dominates another one where it is nowhere worse and somewhere better.

    Layer 0 is the Pareto set, which no point dominates. Layer 1 is the Pareto set of what is left without it,
    and so on: the fast non-dominated sort of Deb et al., NSGA-II, 2002. Equal points are of one layer.

    Args:
        losses: (N, M), of each point M finite losses, of which less is better.

    Returns:
        (N,), the layer of each point, from 0.
    """
    points = np.asarray(losses, dtype=float)
    layers = np.full(len(points), -1, dtype=np.int64)
    nowhere_worse: NDArray[np.bool_] = np.all(points[:, None] <= points[None], axis=-1)  # (by, of)
    dominates = nowhere_worse & ~nowhere_worse.T
    left, layer = np.ones(len(points), dtype=bool), 0
    while left.any():
        found = left & ~dominates[left].any(0)
        layers[found] = layer
        left &= ~found
        layer += 1
    return layers
