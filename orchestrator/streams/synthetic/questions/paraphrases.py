"""Says the same questions in other words."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

# By kind: the form of a question of :mod:`~orchestrator.streams.synthetic.questions.rules`, and other words
# for it. Kinds share their words, so that the first word alone does not tell the kind.
_WORDS: dict[str, tuple[str, tuple[str, ...]]] = {
    "recognition": (
        r"what is the (\w+) thing\?",
        ("which thing is {0}?", "the {0} thing is what?", "what do you see in {0}?"),
    ),
    "location": (
        r"where is the (\w+)\?",
        ("the {0} is where?", "where does the {0} stand?", "in which place is the {0}?"),
    ),
    "judge": (
        r"is there (.+)\?",
        ("there is {0}, is there?", "does {0} stand there?", "can you see {0}?"),
    ),
    "commonsense": (
        r"(can|does|is) (the \w+ thing) (.+)\?",
        ("{1} {0} {2}?", "would you say {1} {0} {2}?", "what do you say, {0} {1} {2}?"),
    ),
    "count": (
        r"how many (\w+) are there\?",
        ("there are how many {0}?", "what is the number of {0}?", "which number of {0} do you see?"),
    ),
    "action": (
        r"what is the (\w+) doing\?",
        ("the {0} is doing what?", "which way does the {0} stand?", "how do you see the {0} stand?"),
    ),
    "color": (
        r"what color is the (\w+)\?",
        ("the {0} is in which color?", "what shade does the {0} have?", "how would you paint the {0}?"),
    ),
    "type": (
        r"what type is next to the (\w+)\?",
        ("what is next to the {0}?", "the {0} is next to what?", "what do you see next to the {0}?"),
    ),
    "subcategory": (
        r"which (\w+) is (\w+ \w+)\?",
        ("what is {1}?", "the {1} {0} is which?", "which {0} do you see {1}?"),
    ),
    "causal": (
        r"why does (.+) stand out\?",
        ("{0} does stand out, why?", "how does {0} stand out?", "in what way is {0} not as the others?"),
    ),
}


def paraphrased(rng: np.random.Generator, kind: str, questions: Sequence[str]) -> list[str]:
    """Says questions in words drawn for each of them: their own, or one of three others.

    Args:
        rng: The generator.
        kind: Their kind.
        questions: The questions, as :func:`~orchestrator.streams.synthetic.questions.generate.ask` has them.
    """
    pattern, others = _WORDS[kind]
    which = rng.integers(0, len(others) + 1, len(questions)).tolist()
    return [_said(pattern, text, ("", *others)[k]) for k, text in zip(which, questions, strict=True)]


def _said(pattern: str, text: str, other: str) -> str:
    """``text`` in the words ``other``; empty: in its own."""
    found = re.fullmatch(pattern, text) if other else None
    if other and found is None:
        raise ValueError(f"question {text!r}: does not read as {pattern}")
    return text if found is None else other.format(*found.groups())
