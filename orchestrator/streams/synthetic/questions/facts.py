"""Facts about things that cannot be seen in a picture."""

from __future__ import annotations

from dataclasses import dataclass

from ..families import DRAWN, family


@dataclass(frozen=True)
class Fact:
    """A question about something that is true of some things of a family, but not of all.

    Attributes:
        question: The question, with ``{}`` for "the red thing".
        things: The things of which it is true.
    """

    question: str
    things: frozenset[int]


# Each family has two. Facts that people would argue about are left out, such as whether a banana grows on a
# tree.
_FACTS: dict[str, dict[str, tuple[str, ...]]] = {
    "shapes": {"can {} roll?": ("disc", "ring"), "does {} have 4 corners?": ("block", "gem")},
    "sky": {"is {} made of rock?": ("moon", "planet"), "does {} come with rain?": ("cloud", "bolt")},
    "letters": {
        "does {} come after m?": ("tee", "ex", "vee", "zed"),
        "is {} a roman number?": ("ell", "ex", "vee"),
    },
    "vehicles": {"can {} fly?": ("rocket", "plane"), "does {} use roads?": ("car", "bus", "bike")},
    "animals": {
        "does {} have fur?": ("cat", "bear", "hare", "bull"),
        "is {} bigger than you?": ("bear", "bull"),
    },
    "fruit": {"does {} have a core?": ("apple", "pear"), "does {} fit in a mouth?": ("cherry", "grape")},
    "tools": {"does {} cut wood?": ("saw", "axe"), "does {} turn things?": ("key", "wrench")},
    "signs": {"does {} show a way?": ("arrow",), "is {} sung?": ("note",)},
    "furniture": {
        "does {} have legs?": ("chair", "table", "bed"),
        "is {} made to rest on?": ("chair", "bed"),
    },
    "plants": {"does {} prick?": ("rose", "cactus"), "is {} made of wood?": ("tree", "pine")},
    "kitchen": {"is {} drunk from?": ("cup", "flask", "glass"), "can {} go on a fire?": ("pan", "kettle")},
    "sea": {"does {} have bones?": ("whale", "turtle", "eel"), "does {} breathe air?": ("whale", "turtle")},
    "clothes": {"does {} come in pairs?": ("sock", "glove"), "does {} cover a chest?": ("shirt", "dress")},
    "buildings": {"is {} made to live in?": ("house", "tent"), "does {} turn in wind?": ("mill",)},
}

_INVENTED = (Fact("is {} heavy?", frozenset({0, 1, 2})), Fact("does {} float?", frozenset({0, 2, 4})))


def facts(index: int) -> tuple[Fact, ...]:
    """Two facts about the family's things. All invented families have the same two."""
    if index >= DRAWN:
        return _INVENTED
    known = family(index)
    return tuple(
        Fact(question, frozenset(map(known.nouns.index, nouns)))
        for question, nouns in _FACTS[known.name].items()
    )
