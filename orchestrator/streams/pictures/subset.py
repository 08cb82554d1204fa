"""Some of a split's pictures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...errors import BadRecord
from ..source import Pictures


@dataclass(frozen=True)
class PictureSubset:
    """Some pictures of a split. Picture i is ``pictures[rows[i]]``.

    Attributes:
        pictures: All pictures.
        rows: int64 (n,).
    """

    pictures: Pictures
    rows: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)

    def read(self, rows: np.ndarray) -> np.ndarray:
        """Reads the pictures at ``rows``: uint8 (n, S, S, 3), in that order.

        Raises:
            BadRecord: A picture cannot be read. The error names the row of the subset, not that of
                ``pictures``.
        """
        try:
            return self.pictures.read(self.rows[rows])
        except BadRecord as error:
            raise BadRecord(str(error), int(np.flatnonzero(self.rows == error.row)[0])) from None
