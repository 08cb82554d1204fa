"""The things of a scene before a question changes it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..colours import COLOURS
from ..families import THINGS, family
from ..mixed import arrange_mixed
from ..scenes import SIZES, Scenes
from .words import POSTURES

PLAYERS = 4
"""How many things a scene has, one in each quarter."""


@dataclass
class Cast:
    """The things of N scenes. All columns are int (N, PLAYERS). Column 0 is the thing that the question is
    about.

    Attributes:
        family: As in :class:`~orchestrator.streams.synthetic.scenes.Scenes`.
        thing: As there.
        colour: As there.
        size: As there.
        posture: Index into ``POSTURES``.
        place: Index into ``PLACES``.
        there: bool: which things are in the picture. The thing that the question is about always is. The
            others are as far as the call wants them.
    """

    family: np.ndarray
    thing: np.ndarray
    colour: np.ndarray
    size: np.ndarray
    posture: np.ndarray
    place: np.ndarray
    there: np.ndarray

    def nouns(self) -> list[str]:
        """The nouns of the things of column 0."""
        pairs = zip(self.family[:, 0].tolist(), self.thing[:, 0].tolist(), strict=True)
        return [family(index).nouns[thing] for index, thing in pairs]

    def colours(self) -> list[str]:
        """The colours of the things of column 0."""
        names = tuple(COLOURS)
        return [names[colour] for colour in self.colour[:, 0].tolist()]

    def arrange(self, rng: np.random.Generator) -> Scenes:
        """Turns the things into scenes."""
        told = np.stack([self.family, self.thing, self.colour, self.size, self.there.astype(int)], 2)
        by_place = np.argsort(self.place, 1)
        tilt = np.array(list(POSTURES.values()))[self.posture]
        return arrange_mixed(
            rng,
            np.take_along_axis(told, by_place[..., None], 1),
            np.take_along_axis(tilt, by_place, 1),
        )


def cast(rng: np.random.Generator, index: int, n: int, others: int) -> Cast:
    """N scenes of 1 + ``others`` different things of one family, each of its own colour, big, upright, in any
    quarter.

    Args:
        rng: The generator.
        index: The family.
        n: How many scenes there are.
        others: How many things stand beside the one that the question is about, 0 .. PLAYERS - 1.
    """

    def different(choices: int) -> np.ndarray:
        return rng.permuted(np.tile(np.arange(choices), (n, 1)), axis=1)[:, :PLAYERS]

    return Cast(
        family=np.full((n, PLAYERS), index),
        thing=different(THINGS),
        colour=different(len(COLOURS)),
        size=np.full((n, PLAYERS), SIZES.index("big")),
        posture=np.zeros((n, PLAYERS), int),
        place=different(PLAYERS),
        there=np.broadcast_to(np.arange(PLAYERS) <= others, (n, PLAYERS)).copy(),
    )


def things_led_by(rng: np.random.Generator, *leads: np.ndarray) -> np.ndarray:
    """Draws different things for each scene, int (N, PLAYERS).

    Column k is drawn from the things that ``leads[k]``, bool (N, THINGS), allows. No two columns allow the
    same thing.
    """
    key = rng.random(leads[0].shape)
    for k, allowed in enumerate(leads):
        chosen = np.where(allowed, key, np.inf).argmin(1)
        key[np.arange(len(key)), chosen] = k - len(leads)
    return np.argsort(key, 1)[:, :PLAYERS]
