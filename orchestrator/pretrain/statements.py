"""True and false statements about scenes."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from random import Random
from typing import NamedTuple

from ..streams.synthetic.caption import plural
from ..streams.synthetic.colours import COLOURS
from ..streams.synthetic.families import DRAWN, family
from ..streams.synthetic.family_split import PRETRAINING
from ..streams.synthetic.questions.words import PLACES, POSTURES, type_word, with_article
from ..streams.synthetic.scenes import SIZES
from .scenes import SceneContents


def type_of(index: int) -> str:
    """The word for a family's things: for drawn ones as the streams say it, for invented ones "figure"."""
    return type_word(index) if index < DRAWN else "figure"


WORDS = {
    "colour": tuple(COLOURS),
    "size": SIZES,
    "count": ("1", "2", "3"),
    "place": PLACES,
    "posture": tuple(POSTURES),
    "type": tuple(dict.fromkeys(map(type_of, PRETRAINING))),
}
"""The words for each aspect of things."""

_SIDES = {"above": "below", "below": "above", "left of": "right of", "right of": "left of"}

_PLAIN = "a an the is are there nothing no number color of type thing things and"
PLAIN = frozenset(_PLAIN.split())
"""The words that tell nothing of a scene."""

_TELLING = " ".join([*_SIDES, *(text for texts in WORDS.values() for text in texts)])
ASPECTS = frozenset(_TELLING.split()) - PLAIN
"""The words that tell what things are like and where they are. All other words are nouns."""


@dataclass(frozen=True)
class Group:
    """The things of one quarter, in words. ``posture`` is empty where none can be seen."""

    noun: str
    colour: str
    size: str
    count: str
    place: str
    posture: str
    type: str


def groups(told: SceneContents, row: int) -> list[Group]:
    """The groups of a scene, quarter by quarter."""
    present = []
    for quarter, (index, thing, colour, size, count) in enumerate(told.objects[row].tolist()):
        if count:
            posture = told.posture[row, quarter]
            present.append(
                Group(
                    noun=family(index).nouns[thing],
                    colour=WORDS["colour"][colour],
                    size=SIZES[size],
                    count=WORDS["count"][count - 1],
                    place=PLACES[quarter],
                    posture=WORDS["posture"][posture] if posture >= 0 else "",
                    type=type_of(index),
                )
            )
    return present


def say(form: str, group: Group) -> str:
    """Fills in ``form``.

    It may name the fields of ``group``; ``plural``, the noun in the plural; ``things``, the noun in the
    group's number; ``one``, the same with an article; ``some``, "thing" in the group's number; and ``are`` in
    that number.
    """
    one = group.count == "1"
    return form.format(
        **asdict(group),
        plural=plural(group.noun),
        things=group.noun if one else plural(group.noun),
        one=with_article(group.noun) if one else plural(group.noun),
        some="thing" if one else "things",
        are="is" if one else "are",
    )


def own_colour(group: Group, present: list[Group]) -> bool:
    """Whether no other group of the scene has the colour of ``group``, which is one of ``present``."""
    return sum(other.colour == group.colour for other in present) == 1


class _Form(NamedTuple):
    """A sentence, the aspects that may be changed to make it false, and whether it needs a colour that only
    one quarter has.
    """

    text: str
    told: tuple[str, ...]
    own_colour: bool = False


# A noun occurs in one quarter alone, so that a statement about it is true or false of that quarter.
_NAMED = _Form("{count} {colour} {things} {place}", ("count", "colour", "noun", "place"))
_UNNAMED = _Form("{count} {colour} {some} {place}", ("count", "colour"))
_FORMS = (
    _NAMED,
    _Form("{count} {size} {colour} {things} {place}", ("count", "size", "colour", "noun", "place")),
    _Form("{colour} {things} {place}", ("colour", "noun", "place")),
    _Form("the {things} {are} {colour}", ("colour", "noun")),
    _Form("the color of the {things} is {colour}", ("colour", "noun")),
    _Form("there {are} {count} {things}", ("count", "noun")),
    _Form("the number of {plural} is {count}", ("count", "noun")),
    _Form("the {things} {are} {place}", ("place", "noun")),
    _Form("the {things} {are} {size}", ("size", "noun")),
    _Form("the {things} {are} {posture}", ("posture", "noun")),
    _Form("the {things} {are} of type {type}", ("type", "noun")),
    _Form("{place} {are} {count} {things}", ("count", "place", "noun")),
    _Form("the {some} {place} {are} {colour}", ("colour",)),
    _Form("the color {place} is {colour}", ("colour",)),
    _Form("the number of things {place} is {count}", ("count",)),
    _Form("the {some} {place} {are} {size}", ("size",)),
    _Form("the {some} {place} {are} {posture}", ("posture",)),
    _Form("the {some} {place} {are} {one}", ("noun", "place")),
    _Form("the {some} {place} {are} of type {type}", ("type",)),
    _Form("the {colour} {some} {are} {place}", ("colour", "place"), own_colour=True),
    _Form("the {colour} {some} {are} {size}", ("size",), own_colour=True),
    _Form("the {colour} {some} {are} {posture}", ("posture",), own_colour=True),
    _Form("the {colour} {some} {are} {one}", ("colour", "noun"), own_colour=True),
    _Form("the {colour} {some} {are} of type {type}", ("type",), own_colour=True),
    _Form("the number of {colour} things is {count}", ("count",), own_colour=True),
)
_RELATION, _ABSENCE = 0.15, 0.1
_FACTS = (1, 2)


def describe(told: SceneContents, row: int, rng: Random) -> tuple[str, str]:
    """Describes all that a scene has, half of the time without nouns.

    Args:
        told: The scenes.
        row: The row of the scene.
        rng: The generator.

    Returns:
        The description and the same made false in one respect: "2 red stars top left and 1 blue ring bottom
            left", "2 red stars top left and 1 white ring bottom left".
    """
    present = groups(told, row)
    form = rng.choice((_NAMED, _UNNAMED))
    pairs = [_tell(form, group, present, told, row, rng) for group in rng.sample(present, len(present))]
    return _joined(pairs, rng)


def state(told: SceneContents, row: int, rng: Random) -> tuple[str, str]:
    """States one fact or two about a scene.

    Args:
        told: The scenes.
        row: The row of the scene.
        rng: The generator.

    Returns:
        The statement and the same made false in one respect: "the star is blue and there are 2 moons", "the
            star is blue and there are 3 moons".
    """
    present = groups(told, row)
    return _joined([_fact(present, told, row, rng) for _ in range(rng.choice(_FACTS))], rng)


def _joined(pairs: list[tuple[str, str]], rng: Random) -> tuple[str, str]:
    wrong = rng.randrange(len(pairs))
    true = " and ".join(right for right, _ in pairs)
    return true, " and ".join(pair[i == wrong] for i, pair in enumerate(pairs))


def _fact(present: list[Group], told: SceneContents, row: int, rng: Random) -> tuple[str, str]:
    kind = rng.random()
    if kind < _RELATION and len(present) > 1:
        return _relation(*rng.sample(present, 2), present, rng)
    if kind > 1 - _ABSENCE:
        return _absence(present, told, row, rng)
    group = rng.choice(present)
    own = own_colour(group, present)
    forms = [f for f in _FORMS if (own or not f.own_colour) and (group.posture or "posture" not in f.told)]
    return _tell(rng.choice(forms), group, present, told, row, rng)


def _tell(
    form: _Form, group: Group, present: list[Group], told: SceneContents, row: int, rng: Random
) -> tuple[str, str]:
    aspect = rng.choice(form.told)
    if aspect == "noun":
        wrong = rng.choice(_absent_nouns(told, row))
    else:
        # Half of the time the wrong value is that of another quarter. Then it does not suffice to know that
        # the scene has it somewhere.
        values = {getattr(other, aspect) for other in present} if rng.random() < 0.5 else set()
        values -= {getattr(group, aspect), ""}
        wrong = rng.choice(sorted(values) or [v for v in WORDS[aspect] if v != getattr(group, aspect)])
    return say(form.text, group), say(form.text, replace(group, **{aspect: wrong}))


def _relation(a: Group, b: Group, present: list[Group], rng: Random) -> tuple[str, str]:
    (ay, ax), (by, bx) = (group.place.split() for group in (a, b))
    sides = []
    if ay != by:
        sides.append("above" if ay == "top" else "below")
    if ax != bx:
        sides.append("left of" if ax == "left" else "right of")
    side = rng.choice(sides)
    by_colour = own_colour(a, present) and own_colour(b, present) and rng.random() < 0.5
    first, second = (say("the {colour} {some}" if by_colour else "the {things}", group) for group in (a, b))
    return tuple(say(f"{first} {{are}} {s} {second}", a) for s in (side, _SIDES[side]))


def _absence(present: list[Group], told: SceneContents, row: int, rng: Random) -> tuple[str, str]:
    places = {group.place for group in present}
    colours = {group.colour for group in present}
    kind = rng.randrange(3 if len(places) < len(PLACES) else 2)
    there = rng.choice(present)
    if kind == 0:
        absent = rng.choice([c for c in COLOURS if c not in colours])
        return f"there is no {absent} thing", f"there is no {there.colour} thing"
    if kind == 1:
        return f"there is no {rng.choice(_absent_nouns(told, row))}", f"there is no {there.noun}"
    absent = rng.choice([p for p in PLACES if p not in places])
    return f"nothing is {absent}", f"nothing is {there.place}"


def _absent_nouns(told: SceneContents, row: int) -> list[str]:
    """The nouns of the scene's families that none of its things has."""
    here = {(index, thing) for index, thing, _, _, count in told.objects[row].tolist() if count}
    return [
        noun
        for index in sorted({index for index, _ in here})
        for thing, noun in enumerate(family(index).nouns)
        if (index, thing) not in here
    ]
