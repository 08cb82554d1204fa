"""Some of a split's pictures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...errors import BadRecord
from ..source import Pictures


@dataclass(frozen=True)
class PictureSubset:
    """Picture i is ``pictures[rows[i]]``. ``rows``: int64 (n,)."""

    pictures: Pictures
    rows: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)

    def read(self, rows: np.ndarray) -> np.ndarray:
        """uint8 (n, S, S, 3). A BadRecord names the row here, not in ``pictures``."""
        try:
            return self.pictures.read(self.rows[rows])
        except BadRecord as error:
            raise BadRecord(str(error), int(np.flatnonzero(self.rows == error.row)[0])) from None
