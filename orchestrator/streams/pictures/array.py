"""Pictures that are already decoded."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class ArrayPictures:
    """``array``: uint8 (N, S, S, 3); may be a read-only view of shared memory."""

    array: np.ndarray

    def __len__(self) -> int:
        return len(self.array)

    def read(self, rows: np.ndarray) -> np.ndarray:
        """uint8 (n, S, S, 3), a copy, in the order of ``rows``."""
        return self.array[rows]
