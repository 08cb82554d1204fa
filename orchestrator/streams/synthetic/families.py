"""The generated world's families of things. Their number is not limited."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from .drawings import DRAWINGS
from .parts import Part, box

THINGS = 6
"""How many things every family has."""

DRAWN = len(DRAWINGS)
"""How many families are drawn by hand: ``family(0)`` .. ``family(DRAWN - 1)``. The families after them are
invented.
"""


@dataclass(frozen=True)
class Family:
    """A family of things.

    Attributes:
        name: The family's name.
        nouns: THINGS names, in the singular.
        parts: The parts that each thing is drawn from.
    """

    name: str
    nouns: tuple[str, ...]
    parts: tuple[tuple[Part, ...], ...]


@cache
def family(index: int) -> Family:
    """The family with ``index``, from 0. It is always the same, and any index is allowed."""
    if index < DRAWN:
        name = list(DRAWINGS)[index]
        things = DRAWINGS[name]
        return Family(name, tuple(things), tuple(tuple(parts) for parts in things.values()))
    nouns = tuple(_invented_noun(index - DRAWN, thing) for thing in range(THINGS))
    patterns = np.random.default_rng([index, 4]).choice(2**15 - 1, THINGS, replace=False) + 1
    return Family(f"invented-{index - DRAWN + 1}", nouns, tuple(_invented_parts(int(p)) for p in patterns))


def _invented_noun(index: int, thing: int) -> str:
    """A word of the family's own, which no other family has."""
    consonants, vowels = "bdfgklmnprstvz", "aeiou"
    number, word = index * THINGS + thing, ""
    for _ in range(3 if number >= 70**2 else 2):
        number, syllable = divmod(number, 70)
        word += consonants[syllable % 14] + vowels[syllable // 14]
    return word + "x"


def _invented_parts(pattern: int) -> tuple[Part, ...]:
    """Cells of a grid 5 wide and 5 high, mirrored left to right; 15 bits say which ones are filled."""
    cells = [(x, y) for i in range(15) if pattern >> i & 1 for x, y in {(i % 3, i // 3), (4 - i % 3, i // 3)}]
    return tuple(box(0.4 * x - 1, 0.4 * y - 1, 0.4 * x - 0.6, 0.4 * y - 0.6) for x, y in cells)
