"""How good a set of points of several objectives is."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .domination_layers import domination_layers


def hypervolume(losses: ArrayLike, reference: ArrayLike) -> float:
    """The volume that points dominate, up to a reference point (Zitzler and Thiele, PPSN 1998).

    It is computed by slices along the last objective, which is meant for sets of up to a hundred points and a
    handful of objectives.

    Args:
        losses: (N, M), of each point M finite losses, of which less is better. Those that do not dominate the
            reference point add nothing.
        reference: (M,), the worst losses that count.

    Returns:
        0 or more, in the product of the objectives' units.
    """
    worst = np.asarray(reference, dtype=float)
    points = np.asarray(losses, dtype=float).reshape(-1, len(worst))
    return _volume(points[(points < worst).all(1)], worst)


def _volume(points: NDArray[np.float64], worst: NDArray[np.float64]) -> float:
    if not len(points):
        return 0.0
    if len(worst) == 1:
        return float(worst[0] - points.min())
    points = points[domination_layers(points) == 0]
    points = points[np.argsort(points[:, -1], kind="stable")]
    ends = np.append(points[1:, -1], worst[-1])
    total = 0.0
    for count, (point, end) in enumerate(zip(points, ends, strict=True), 1):
        if end > point[-1]:
            total += (end - point[-1]) * _volume(points[:count, :-1], worst[:-1])
    return float(total)
