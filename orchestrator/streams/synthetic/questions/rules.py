"""Each kind of question: the answer is drawn, then the scene is made to fit."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ..caption import plural
from ..colours import COLOURS
from ..families import THINGS
from ..scenes import SIZES
from .base_scene import PLAYERS, Cast, things_led_by
from .facts import facts
from .leaning import leaning
from .words import ASPECTS, NO_YES, PLACES, POSTURES, type_word, with_article

_Rule = Callable[[np.random.Generator, Cast, Sequence[int]], tuple[list[str], list[str]]]
_COLOURS = tuple(COLOURS)


def _recognition(
    rng: np.random.Generator, cast: Cast, families: Sequence[int]
) -> tuple[list[str], list[str]]:
    return [f"what is the {colour} thing?" for colour in cast.colours()], cast.nouns()


def _location(rng: np.random.Generator, cast: Cast, families: Sequence[int]) -> tuple[list[str], list[str]]:
    return [f"where is the {noun}?" for noun in cast.nouns()], _named(PLACES, cast.place[:, 0])


def _judge(rng: np.random.Generator, cast: Cast, families: Sequence[int]) -> tuple[list[str], list[str]]:
    true = rng.integers(0, 2, len(cast.thing))
    # With other things in the scene, noun and colour both occur in either case. The question is whether one
    # thing has both.
    colours = _named(_COLOURS, np.where(true, cast.colour[:, 0], cast.colour[:, 1]))
    asked = (f"{colour} {noun}" for colour, noun in zip(colours, cast.nouns(), strict=True))
    return [f"is there {with_article(phrase)}?" for phrase in asked], _named(NO_YES, true)


def _commonsense(
    rng: np.random.Generator, cast: Cast, families: Sequence[int]
) -> tuple[list[str], list[str]]:
    n = len(cast.thing)
    known = facts(int(cast.family[0, 0]))
    which, true = rng.integers(0, len(known), n), rng.integers(0, 2, n)
    truth = np.array([[thing in fact.things for thing in range(THINGS)] for fact in known])[which]
    same = truth == true[:, None]
    cast.thing = things_led_by(rng, same, ~same)
    asked = zip(which.tolist(), cast.colours(), strict=True)
    return [known[k].question.format(f"the {colour} thing") for k, colour in asked], _named(NO_YES, true)


def _count(rng: np.random.Generator, cast: Cast, families: Sequence[int]) -> tuple[list[str], list[str]]:
    count = rng.integers(1, PLAYERS + 1, len(cast.thing))
    alike = np.arange(PLAYERS) < count[:, None]
    cast.thing = np.where(alike, cast.thing[:, :1], cast.thing)
    cast.there |= alike
    return [f"how many {plural(noun)} are there?" for noun in cast.nouns()], [str(k) for k in count.tolist()]


def _action(rng: np.random.Generator, cast: Cast, families: Sequence[int]) -> tuple[list[str], list[str]]:
    cast.thing = _that_lean(rng, cast)
    cast.posture = rng.integers(0, len(POSTURES), cast.posture.shape)
    cast.posture[:, 1] = _another(rng, cast.posture[:, 0], len(POSTURES))
    return [f"what is the {noun} doing?" for noun in cast.nouns()], _named(POSTURES, cast.posture[:, 0])


def _color(rng: np.random.Generator, cast: Cast, families: Sequence[int]) -> tuple[list[str], list[str]]:
    return [f"what color is the {noun}?" for noun in cast.nouns()], cast.colours()


def _type(rng: np.random.Generator, cast: Cast, families: Sequence[int]) -> tuple[list[str], list[str]]:
    n, groups = len(cast.thing), len(families)
    group = rng.integers(0, groups, (n, PLAYERS))
    group[:, 2] = _another(rng, group[:, 1], groups)
    cast.family[:, 1:] = np.array(families)[group[:, 1:]]
    # A quarter's neighbour in its row differs in the lowest bit of its number, and one in the other row in
    # the next bit.
    turn = rng.integers(0, 2, (n, 1))
    cast.place = cast.place[:, :1] ^ np.concatenate([0 * turn, 0 * turn + 1, 2 + turn, 3 - turn], 1)
    cast.there[:, 1] = True
    questions = [f"what type is next to the {noun}?" for noun in cast.nouns()]
    return questions, _named([type_word(index) for index in families], group[:, 1])


def _subcategory(
    rng: np.random.Generator, cast: Cast, families: Sequence[int]
) -> tuple[list[str], list[str]]:
    word = type_word(int(cast.family[0, 0]))
    return [f"which {word} is {place}?" for place in _named(PLACES, cast.place[:, 0])], cast.nouns()


def _causal(rng: np.random.Generator, cast: Cast, families: Sequence[int]) -> tuple[list[str], list[str]]:
    aspect = rng.integers(0, len(ASPECTS), len(cast.thing))
    other = cast.thing = _that_lean(rng, cast)
    cast.size[:] = rng.integers(0, len(SIZES), (len(aspect), 1))
    cast.posture[:] = rng.integers(0, len(POSTURES), (len(aspect), 1))
    others = {
        "color": ("colour", cast.colour[:, 1]),
        "size": ("size", 1 - cast.size[:, 0]),
        "tilt": ("posture", _another(rng, cast.posture[:, 0], len(POSTURES))),
        "shape": ("thing", other[:, 1]),
    }
    for k, name in enumerate(ASPECTS):
        column, value = others[name]
        own = getattr(cast, column)[:, :1]
        rest = np.where(aspect[:, None] == k, value[:, None], own)
        setattr(cast, column, np.concatenate([own, np.repeat(rest, PLAYERS - 1, 1)], 1))
    cast.there[:] = True
    questions = [f"why does {with_article(noun)} stand out?" for noun in cast.nouns()]
    return questions, _named(ASPECTS, aspect)


def _that_lean(rng: np.random.Generator, cast: Cast) -> np.ndarray:
    able = np.isin(np.arange(THINGS), list(leaning(int(cast.family[0, 0]))))
    return things_led_by(rng, np.broadcast_to(able, (len(cast.thing), THINGS)))


def _another(rng: np.random.Generator, taken: np.ndarray, choices: int) -> np.ndarray:
    return (taken + rng.integers(1, choices, len(taken))) % choices


def _named(names: Sequence[str], numbers: np.ndarray) -> list[str]:
    names = tuple(names)
    return [names[k] for k in numbers.tolist()]


RULES: dict[str, _Rule] = {
    "recognition": _recognition,
    "location": _location,
    "judge": _judge,
    "commonsense": _commonsense,
    "count": _count,
    "action": _action,
    "color": _color,
    "type": _type,
    "subcategory": _subcategory,
    "causal": _causal,
}
"""Kind -> a function of a generator, the cast, which it may change, and the families of all groups; it
returns questions and answers.
"""
