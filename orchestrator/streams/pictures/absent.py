"""Pictures that are not shared."""

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
        """Raises an error, since there is nothing to read.

        Raises:
            RuntimeError: Always.
        """
        raise RuntimeError("this stream is shared by its features: its pictures cannot be read here")
