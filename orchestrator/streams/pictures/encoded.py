"""Pictures kept as encoded bytes in one flat array."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...errors import BadRecord
from .decode import decode


@dataclass(frozen=True)
class EncodedPictures:
    """Pictures whose encoded bytes (JPEG, PNG, ...) lie one after another, and are decoded when they are
    read.

    Picture ``i`` is ``flat[offsets[i] : offsets[i + 1]]``. A read gives the same numbers as reading the file
    that the bytes came from.

    Attributes:
        flat: uint8. It may be a read-only view of shared memory, as may ``offsets``.
        offsets: int64 (N + 1,).
        size: The side S in pixels.
        names: Each picture's name in errors; None: its row.
    """

    flat: np.ndarray
    offsets: np.ndarray
    size: int
    names: Sequence[str] | None = None

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def read(self, rows: np.ndarray) -> np.ndarray:
        """Decodes the pictures at ``rows``: uint8 (n, S, S, 3), in that order.

        Raises:
            BadRecord: The bytes are no whole picture.
        """
        return self.read_crops(rows, [None] * len(rows))

    def read_crops(self, rows: np.ndarray, draws: Sequence[np.ndarray | None]) -> np.ndarray:
        """Decodes a random crop of each picture at ``rows``, cut out in its original size.

        Args:
            rows: The pictures.
            draws: The draws for each picture's crop, as of :func:`~.decode.decode`.

        Raises:
            BadRecord: As of :meth:`read`.
        """
        out = np.empty((len(rows), self.size, self.size, 3), np.uint8)
        for i, (row, own) in enumerate(zip(rows, draws, strict=True)):
            encoded = self.flat[self.offsets[row] : self.offsets[row + 1]].data
            try:
                out[i] = decode(encoded, self.size, draws=own)
            except ValueError as error:
                name = f"encoded picture {row}" if self.names is None else self.names[row]
                message = f"{name}: cannot be decoded ({error}), allowed: a whole JPEG"
                raise BadRecord(message, int(row)) from None
        return out
