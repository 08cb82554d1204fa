"""Captions of scenes, in English."""

from __future__ import annotations

import numpy as np

from .colours import COLOURS
from .families import family
from .scenes import SIZES, Scenes

_COUNTS = ("no", "one", "two")
_COLOURS = tuple(COLOURS)


def captions(scenes: Scenes) -> list[str]:
    """One caption for each scene of four groups: "two big red cars and a bus above a boat and a bike".

    It has at most thirteen words. The first group, top left, is described with its size and colour. The
    others are only named.
    """
    groups = np.arange(4)
    present = (scenes.family >= 0)[:, :, None] & (scenes.group[:, :, None] == groups)
    counts = present.sum(1).tolist()
    places = present.argmax(1)
    families, things = (np.take_along_axis(c, places, 1).tolist() for c in (scenes.family, scenes.thing))
    colours, sizes = (np.take_along_axis(c, places, 1)[:, 0].tolist() for c in (scenes.colour, scenes.size))
    texts = []
    for indices, thing, count, colour, size in zip(families, things, counts, colours, sizes, strict=True):
        told = f"{SIZES[size]} {_COLOURS[colour]} "
        nouns = [family(index).nouns[t] for index, t in zip(indices, thing, strict=True)]
        a, b, c, d = (
            _phrase(adjective, noun, k)
            for adjective, noun, k in zip((told, "", "", ""), nouns, count, strict=True)
        )
        texts.append(f"{a} and {b} above {c} and {d}")
    return texts


def _phrase(adjective: str, noun: str, count: int) -> str:
    if count > 1:
        return f"{_COUNTS[count]} {adjective}{plural(noun)}"
    phrase = adjective + noun
    return f"{'an' if phrase[0] in 'aeiou' else 'a'} {phrase}"


def plural(noun: str) -> str:
    """The plural of a noun of the generated world."""
    if noun.endswith(("s", "x", "ch", "sh")):
        return noun + "es"
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return noun[:-1] + "ies"
    return {"shelf": "shelves"}.get(noun, noun + "s")
