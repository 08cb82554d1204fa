"""Pictures of the generated world, and their captions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..streams.synthetic.caption import plural
from ..streams.synthetic.colours import COLOURS
from ..streams.synthetic.families import THINGS, family
from ..streams.synthetic.render import render
from ..streams.synthetic.scatter import scatter
from ..streams.synthetic.scenes import SIZES

_COLOURS = tuple(COLOURS)
_FRAMES = (
    "a photo of {}.",
    "a picture of {}.",
    "a drawing of {}.",
    "an image of {}.",
    "this is {}.",
    "{}.",
    "{}",
)
# One thing, two alike, or two that differ in kind and colour.
_KINDS = (0.7, 0.1, 0.2)
_SIZE_TOLD = 0.3
# The streams' default, since the weights are pretrained on pictures as coarse as theirs.
_SIDE = 32


def pairs(
    rng: np.random.Generator, families: Sequence[int], n: int, colours: int = len(COLOURS)
) -> tuple[np.ndarray, list[str]]:
    """Draws pictures and a caption for each, such as "a photo of a big red disc."

    A caption tells things, colours and counts, and now and then the size.

    Args:
        rng: The generator.
        families: The families that things are drawn from, by index.
        n: How many pairs are drawn.
        colours: How many colours things may have, 2 or more.

    Returns:
        uint8 (n, 3, 32, 32), and n captions.
    """
    kind = rng.choice(len(_KINDS), n, p=_KINDS)
    palette = rng.choice(len(_COLOURS), colours, replace=False)
    objects = np.stack(
        [
            rng.choice(families, (n, 2)),
            rng.integers(0, THINGS, (n, 2)),
            rng.permuted(np.tile(palette, (n, 1)), axis=1)[:, :2],
            rng.integers(0, len(SIZES), (n, 2)),
        ],
        2,
    )
    alike = kind == 1
    objects[alike, 1] = objects[alike, 0]
    objects[kind == 0, 1, 0] = -1
    frames = rng.integers(0, len(_FRAMES), n).tolist()
    told = (rng.random((n, 2)) < _SIZE_TOLD).tolist()
    captions = [
        _FRAMES[frame].format(_content(two, sizes, k))
        for frame, two, sizes, k in zip(frames, objects.tolist(), told, kind.tolist(), strict=True)
    ]
    pictures = render(scatter(rng, objects), np.arange(n), _SIDE)
    return np.ascontiguousarray(pictures.transpose(0, 3, 1, 2)), captions


def _content(objects: list[list[int]], told: list[bool], kind: int) -> str:
    adjectives, nouns = [], []
    for (index, thing, colour, size), sized in zip(objects, told, strict=True):
        adjectives.append((f"{SIZES[size]} " if sized else "") + _COLOURS[colour])
        nouns.append(family(index).nouns[thing] if index >= 0 else "")
    first = f"a {adjectives[0]} {nouns[0]}"
    if kind == 0:
        return first
    if kind == 1:
        return f"two {adjectives[0]} {plural(nouns[0])}"
    return f"{first} and a {adjectives[1]} {nouns[1]}"
