"""The tokenizer of the image-text model, for statements and for questions."""

from __future__ import annotations

from random import Random

import numpy as np

from ..streams.synthetic.caption import plural
from ..streams.synthetic.family_split import PRETRAINING
from ..streams.synthetic.questions.words import with_article
from ..streams.text.tokenizer import Tokenizer
from .scenes import draw_scenes
from .statements import describe, groups, state

VOCABULARY = 617
"""The size of the vocabulary. It is an unusual number, so that weights and a tokenizer that do not belong
together differ in it.
"""

_SCENES = 3000
# Words and phrases of questions, so that a question is not spelled letter by letter. There are no answers to
# them.
_QUESTIONS = (
    "what color is the {noun}?",
    "what colour is the thing {place}?",
    "what is the color of the {colour} thing?",
    "how many {plural} are there?",
    "how many things are {place}?",
    "which thing is {colour}?",
    "which of them is different from the others?",
    "what kind of thing is {place}?",
    "where is the {noun}?",
    "where are the {colour} things?",
    "is there {one} in the picture?",
    "is the {noun} {place}?",
    "are there more {plural} than {colour} things?",
    "do all of the things have the same color?",
    "does the {noun} have the same size as the other?",
    "what is the {noun} doing?",
    "what is above the {noun}?",
    "what is left of the {colour} thing?",
    "why is the {noun} not like the others? because of its shape",
    "why does the {colour} thing differ?",
    "can the {noun} be used to make, hold, carry or cut something?",
    "could you eat it? who would need it? when?",
    "would the {noun} fall over if it were taken away?",
    "what would happen with the {plural}?",
    "in what does the thing {place} differ from the other things? yes, no, color, size, tilt, shape",
)


def train_world_tokenizer(max_tokens: int) -> Tokenizer:
    """Trains a byte-level BPE of ``VOCABULARY`` entries on statements and questions about the families of
    ``family_split.PRETRAINING``. It is the same at every call.
    """
    told = draw_scenes(np.random.default_rng(0), PRETRAINING, _SCENES)
    rng = Random(0)
    texts = [(describe, state)[row % 2](told, row, rng)[0] for row in range(_SCENES)]
    for row in range(_SCENES):
        group = rng.choice(groups(told, row))
        texts.append(
            rng.choice(_QUESTIONS).format(
                noun=group.noun,
                plural=plural(group.noun),
                one=with_article(group.noun),
                colour=group.colour,
                place=group.place,
            )
        )
    return Tokenizer.train(texts, VOCABULARY, max_tokens)
