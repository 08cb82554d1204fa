"""The words of the generated world."""

from __future__ import annotations

from .caption import plural
from .colours import COLOURS
from .families import DRAWN, family
from .questions.facts import facts
from .questions.words import ASPECTS, NO_YES, PLACES, POSTURES, type_word
from .scenes import SIZES

_TURNS = (
    # of captions and counts
    "a an and above no one two three 1 2 3 4",
    # of questions
    "what where which why how many is are does can the there thing color doing type next to stand out ?",
)


def world_words() -> list[str]:
    """All words of the generated world's captions, questions and answers, once each, in a fixed order. A
    drawn thing's noun is also there in the plural.

    They belong to the generator and not to a stream: seed, settings and number of tasks do not change them.
    The nouns of invented families, whose number is not limited, are not among them.
    """
    drawn = range(DRAWN)
    texts = [*_TURNS, *COLOURS, *SIZES, *PLACES, *POSTURES, *NO_YES, *ASPECTS, *map(type_word, drawn)]
    texts += [noun for index in drawn for single in family(index).nouns for noun in (single, plural(single))]
    texts += [f.question.format("").replace("?", "") for index in (*drawn, DRAWN) for f in facts(index)]
    return list(dict.fromkeys(word for text in texts for word in text.split()))
