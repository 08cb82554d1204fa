"""Pictures that are drawn when they are read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .render import render
from .scenes import Scenes


@dataclass(frozen=True)
class ScenePictures:
    """The pictures of ``scenes`` at side ``size``. Until it is read a picture takes about a hundred bytes."""

    scenes: Scenes
    size: int

    def __len__(self) -> int:
        return len(self.scenes)

    def read(self, rows: np.ndarray) -> np.ndarray:
        """The pictures at ``rows``: uint8 (n, S, S, 3), the same at every reading."""
        return render(self.scenes, rows, self.size)
