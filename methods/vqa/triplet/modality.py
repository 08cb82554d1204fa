"""The three modalities of TRIPLET, each with prompts, a key for each task, and a query."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

Modality = Literal["image", "text", "fusion"]

MODALITIES: tuple[Modality, ...] = ("image", "text", "fusion")
"""v, q and f of the paper, in the order of the rows of queries and keys."""


def check_layers(name: str, layers: Sequence[int], depths: Mapping[Modality, int]) -> None:
    """Checks that layers ascend from 0 and that each encoder has all of them.

    Args:
        name: The option's name.
        layers: The layers.
        depths: The number of layers of each encoder that is prompted.

    Raises:
        ValueError: They do not. The message has one line.
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
