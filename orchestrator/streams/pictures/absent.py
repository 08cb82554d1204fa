"""Pictures that were left where they came from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class UnavailablePictures:
    """Stands for ``count`` pictures of a stream that is shared by its features alone."""

    count: int

    def __len__(self) -> int:
        return self.count

    def read(self, rows: np.ndarray) -> np.ndarray:
        """Raises :class:`RuntimeError`, since there is nothing to read."""
        raise RuntimeError("this stream is shared by its features: its pictures cannot be read here")
