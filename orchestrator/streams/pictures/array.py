"""Pictures that are already decoded."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class ArrayPictures:
    """Pictures in an array.

    Attributes:
        array: uint8 (N, S, S, 3). It may be a read-only view of shared memory.
    """

    array: np.ndarray

    def __len__(self) -> int:
        return len(self.array)

    def read(self, rows: np.ndarray) -> np.ndarray:
        """The pictures at ``rows``, in that order: uint8 (n, S, S, 3), a copy."""
        return self.array[rows]
