"""What can be said of a scene, in English."""

from __future__ import annotations

import numpy as np

from .colours import COLOURS
from .families import family
from .scenes import SIZES, Scenes

_COUNTS = ("no", "a", "two", "three")
_COLOURS = tuple(COLOURS)


def captions(scenes: Scenes) -> list[str]:
    """One caption a scene: its first group, the relation, its second group.

    "two small red apples left of a big blue pear": at most eleven words. The relation is read off the groups'
    centres.
    """
    present = scenes.family >= 0
    first = present & (scenes.group == 0)
    second = present & (scenes.group == 1)
    # One object speaks for its group; the second group's objects follow the first's.
    other = first.sum(1)
    dx, dy = (_mean(column, first) - _mean(column, second) for column in (scenes.x, scenes.y))
    sideways = np.abs(dx) > np.abs(dy)
    texts = []
    for i in range(len(scenes)):
        relation = (
            ("left of" if dx[i] < 0 else "right of") if sideways[i] else ("above" if dy[i] < 0 else "below")
        )
        texts.append(
            f"{_phrase(scenes, i, 0, int(first[i].sum()))} {relation} "
            f"{_phrase(scenes, i, int(other[i]), int(second[i].sum()))}"
        )
    return texts


def _mean(column: np.ndarray, mask: np.ndarray) -> np.ndarray:
    return np.where(mask, column.astype(np.float32), 0).sum(1) / mask.sum(1)


def _phrase(scenes: Scenes, row: int, place: int, count: int) -> str:
    noun = family(int(scenes.family[row, place])).nouns[scenes.thing[row, place]]
    adjectives = f"{SIZES[scenes.size[row, place]]} {_COLOURS[scenes.colour[row, place]]}"
    return f"{_COUNTS[count]} {adjectives} {noun if count == 1 else _plural(noun)}"


def _plural(noun: str) -> str:
    if noun.endswith(("s", "x", "ch", "sh")):
        return noun + "es"
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return noun[:-1] + "ies"
    return {"shelf": "shelves"}.get(noun, noun + "s")
