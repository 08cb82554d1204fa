"""Joins scenes one after another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields

import numpy as np

from .scenes import Scenes


def joined(parts: Sequence[Scenes]) -> Scenes:
    """All scenes of ``parts``, in their order."""
    most = max(part.family.shape[1] for part in parts)

    def column(part: Scenes, name: str) -> np.ndarray:
        values = getattr(part, name)
        if name == "background" or values.shape[1] == most:
            return values
        room = np.zeros((len(values), most - values.shape[1], *values.shape[2:]), values.dtype)
        return np.concatenate([values, room - 1 if name == "family" else room], 1)

    return Scenes(*(np.concatenate([column(p, f.name) for p in parts]) for f in fields(Scenes)))
