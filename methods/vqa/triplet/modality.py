"""The three modalities of TRIPLET, each with prompts, a key a task, and a query."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

Modality = Literal["image", "text", "fusion"]

MODALITIES: tuple[Modality, ...] = ("image", "text", "fusion")
"""v, q and f of the paper: the order of rows of queries and keys."""


def check_layers(name: str, layers: Sequence[int], depths: Mapping[Modality, int]) -> None:
    """Raises a one-line :class:`ValueError` unless ``layers`` ascend, from 0, and each encoder has them all.

    ``name``: of the option. ``depths``: the number of layers of each encoder that is prompted.
    """
    shortest = min(depths, key=depths.__getitem__)
    for layer in layers:
        if not 0 <= layer < depths[shortest]:
            raise ValueError(
                f"{name} {layer} must be in 0 .. {depths[shortest] - 1}: the {shortest} encoder has "
                f"{depths[shortest]} layers"
            )
    if list(layers) != sorted(set(layers)):
        raise ValueError(f"{name} {list(layers)} must ascend, each layer once")
