"""Some of a split's pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...errors import BadRecord
from ..source import Pictures
from .crops import read_rows


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
        return self._read(rows, None)

    def read_crops(self, rows: np.ndarray, draws: Sequence[np.ndarray]) -> np.ndarray:
        """Reads random crops of the pictures at ``rows``, where ``pictures`` has them.

        Args:
            rows: The pictures.
            draws: The draws for each picture's crop, as of :func:`~.crops.read_rows`.

        Raises:
            BadRecord: As of :meth:`read`.
        """
        return self._read(rows, np.asarray(draws))

    def _read(self, rows: np.ndarray, draws: np.ndarray | None) -> np.ndarray:
        try:
            return read_rows(self.pictures, self.rows[rows], draws)
        except BadRecord as error:
            raise BadRecord(str(error), int(np.flatnonzero(self.rows == error.row)[0])) from None
