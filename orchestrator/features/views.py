"""The augmented views of a training picture: drawn once, alike for all runs."""

from __future__ import annotations

import numpy as np

from ..replay.keys import keys

VIEWS_SEED = 1


def view_seeds(rows: np.ndarray, view: np.ndarray | int) -> np.ndarray:
    """uint64: what the augmentation of a view is drawn from.

    ``rows``: the source's global training rows, int (n,), bad records counted. ``view``: which one,
    0 .. V - 1, broadcast over ``rows``. No run's seed is in it, so that encoded views serve all runs.
    """
    return keys(VIEWS_SEED, rows, view)
