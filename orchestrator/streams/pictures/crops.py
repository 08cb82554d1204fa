"""Pictures that can be cropped at random in their original size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np

from ..source import Pictures


@runtime_checkable
class CropReader(Pictures, Protocol):
    """Pictures that are decoded as they are read, so that a crop can be cut out of their original size."""

    def read_crops(self, rows: np.ndarray, draws: Sequence[np.ndarray]) -> np.ndarray:
        """Reads a random crop of each picture at ``rows``: uint8 (n, S, S, 3), in that order.

        Args:
            rows: The pictures.
            draws: float64 (n, :data:`~..random_crop.CROP_DRAWS`) in [0, 1), the draws for each picture's
                crop.

        Raises:
            BadRecord: A picture cannot be read. The error names it.
        """


def read_rows(pictures: Pictures, rows: np.ndarray, draws: np.ndarray | None) -> np.ndarray:
    """Reads pictures, whole or a random crop of each.

    Args:
        pictures: The pictures.
        rows: int (n,).
        draws: float64 (n, :data:`~..random_crop.CROP_DRAWS`), the draws for the crops; None: pictures are
            read whole.

    Returns:
        uint8 (n, S, S, 3).

    Raises:
        TypeError: Crops are asked for, and the pictures are not kept in their original size.
        BadRecord: A picture cannot be read.
    """
    if draws is None:
        return pictures.read(rows)
    if not isinstance(pictures, CropReader):
        raise TypeError(f"{type(pictures).__name__} has no pictures in their original size")
    return pictures.read_crops(rows, list(draws))
