"""Draws pictures when they are read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .render import render
from .scenes import Scenes
from .styles import Style, drawn_in


@dataclass(frozen=True)
class ScenePictures:
    """The pictures of ``scenes`` at side ``size``, drawn in ``style``.

    Until it is read a picture takes about a hundred bytes.
    """

    scenes: Scenes
    size: int
    style: Style = "plain"

    def __len__(self) -> int:
        return len(self.scenes)

    def read(self, rows: np.ndarray) -> np.ndarray:
        """The pictures at ``rows``: uint8 (n, S, S, 3), the same at every reading."""
        return drawn_in(self.style, render(self.scenes, rows, self.size))
