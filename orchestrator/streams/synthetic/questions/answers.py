"""The answers that questions may have."""

from __future__ import annotations

from collections.abc import Sequence

from ..colours import COLOURS
from ..families import family
from .base_scene import PLAYERS
from .kinds import KINDS
from .words import ASPECTS, NO_YES, PLACES, POSTURES, type_word


def admitted(families: Sequence[int], group: int, kind: str) -> tuple[str, ...]:
    """The answers that :func:`~orchestrator.streams.synthetic.questions.generate.ask` draws from. Each is as
    likely as the others.

    Args:
        families: The families of all groups.
        group: The index of the family that the question is about.
        kind: The kind of question.
    """
    return {
        "recognition": family(families[group]).nouns,
        "location": PLACES,
        "judge": NO_YES,
        "commonsense": NO_YES,
        "count": tuple(str(k + 1) for k in range(PLAYERS)),
        "action": tuple(POSTURES),
        "color": tuple(COLOURS),
        "type": tuple(type_word(index) for index in families),
        "subcategory": family(families[group]).nouns,
        "causal": ASPECTS,
    }[kind]


def vocabulary(families: Sequence[int]) -> tuple[str, ...]:
    """All answers to questions about these families, once each, by kind and then by group."""
    groups = range(len(families))
    answers = (answer for kind in KINDS for group in groups for answer in admitted(families, group, kind))
    return tuple(dict.fromkeys(answers))
