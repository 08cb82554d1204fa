"""Pictures kept as encoded bytes in one flat array."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...errors import BadRecord
from .decode import decode


@dataclass(frozen=True)
class EncodedPictures:
    """Picture ``i`` is ``flat[offsets[i] : offsets[i + 1]]`` (JPEG, PNG, ...), decoded on read to side
    ``size``.

    ``flat``: uint8. ``offsets``: int64 (N + 1). Both may be read-only views of shared memory. ``names``: what
    an error calls each picture; without it, its row. A read gives the same numbers as reading the file that
    the bytes came from.
    """

    flat: np.ndarray
    offsets: np.ndarray
    size: int
    names: Sequence[str] | None = None

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def read(self, rows: np.ndarray) -> np.ndarray:
        """uint8 (n, S, S, 3). :class:`~orchestrator.errors.BadRecord` for bytes that are no whole picture."""
        out = np.empty((len(rows), self.size, self.size, 3), np.uint8)
        for i, row in enumerate(rows):
            try:
                out[i] = decode(self.flat[self.offsets[row] : self.offsets[row + 1]].data, self.size)
            except ValueError as error:
                name = f"encoded picture {row}" if self.names is None else self.names[row]
                message = f"{name}: cannot be decoded ({error}), allowed: a whole JPEG"
                raise BadRecord(message, int(row)) from None
        return out
