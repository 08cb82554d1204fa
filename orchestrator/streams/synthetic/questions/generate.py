"""Scenes, questions about them, and the answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..scenes import Scenes
from .base_scene import PLAYERS, cast
from .rules import RULES


@dataclass(frozen=True)
class GeneratedQuestions:
    """N questions, one about each scene.

    Attributes:
        scenes: The scenes.
        questions: The questions.
        answers: Their answers.
        thing: int (N,): the thing of the family that each question is about.
    """

    scenes: Scenes
    questions: list[str]
    answers: list[str]
    thing: np.ndarray


def ask(
    rng: np.random.Generator,
    families: Sequence[int],
    group: int,
    kind: str,
    n: int,
    others: int = PLAYERS - 1,
) -> GeneratedQuestions:
    """``n`` questions of a kind about things of the family ``families[group]``.

    The answer is drawn first. All answers of
    :func:`~orchestrator.streams.synthetic.questions.answers.admitted` are equally likely whatever the words
    are, so that the words do not give the answer away. Then the scene is made to fit. With other things in
    it, more than one of its things would make an answer, so that a picture without the words does not give it
    away either.

    ============  ==============================  ========================================================
    kind          question                        the picture
    ============  ==============================  ========================================================
    recognition   what is the red thing?          things of the family, each of a colour of its own
    location      where is the cat?               the same; answered with a quarter
    judge         is there a red cat?             the same; a cat is there and, with others, something red
    commonsense   does the red thing have fur?    the same; of some of the others something else is true
    count         how many cats are there?        one to four cats; the others are of the family
    action        what is the cat doing?          things stand, or lean left or right; not all do the same
    color         what color is the cat?          things of the family, each of a colour of its own
    type          what type is next to the cat?   beside the cat (left or right) is a thing of any family, and
                                                  so are those in the other row; not all are of the same
    subcategory   which animal is top left?       things of the family, each of a colour of its own
    causal        why does a cat stand out?       it differs from the three others in one of color, size,
                                                  tilt and shape (what it is), and these are alike
    ============  ==============================  ========================================================

    Args:
        rng: The generator.
        families: At least two different families, drawn or invented, one for each group.
        group: The index of the family that the questions are about.
        kind: One of :data:`~orchestrator.streams.synthetic.questions.kinds.KINDS`.
        n: How many questions there are, at least 1.
        others: How many things each scene has beside the one that is asked about (0 .. 3), one in a quarter.
            There are more where the question needs them.
    """
    things = cast(rng, families[group], n, others)
    questions, answers = RULES[kind](rng, things, families)
    return GeneratedQuestions(things.arrange(rng), questions, answers, things.thing[:, 0])
