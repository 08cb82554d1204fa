"""The same questions in other words: same scenes, same answers, and no word that says the kind."""

import re
from collections import defaultdict

import numpy as np
import pytest

from orchestrator.streams.synthetic.drawings import DRAWINGS
from orchestrator.streams.synthetic.questions.generate import ask
from orchestrator.streams.synthetic.questions.kinds import KINDS
from orchestrator.streams.synthetic.questions.paraphrases import paraphrased

FAMILIES = [list(DRAWINGS).index(name) for name in ("vehicles", "animals", "clothes", "fruit", "furniture")]


def asked(kind, group, n=200):
    return ask(
        np.random.default_rng([KINDS.index(kind), group]), FAMILIES, group, kind, n, others=1
    ).questions


@pytest.mark.parametrize("kind", KINDS)
def test_each_question_is_said_in_one_of_four_ways(kind):
    for group in range(len(FAMILIES)):
        own = asked(kind, group)
        said = paraphrased(np.random.default_rng(1), kind, own)
        assert said == paraphrased(np.random.default_rng(1), kind, own)
        assert said != paraphrased(np.random.default_rng(2), kind, own)
        kept = np.mean([a == b for a, b in zip(own, said, strict=True)])
        assert 0.1 < kept < 0.4
        assert all(text.endswith("?") and "{" not in text for text in said)
        words = defaultdict(set)
        for a, b in zip(own, said, strict=True):
            words[a].add(b)
        assert max(map(len, words.values())) == 4


def test_what_is_asked_about_is_named_in_all_of_them():
    """A question that loses its subject has no right answer: the noun, colour, quarter or fact stays."""
    subject = {
        "recognition": r"(\w+) thing", "location": r"the (\w+)\?", "judge": r"is there (.+)\?",
        "commonsense": r"(the \w+) thing", "count": r"many (\w+)", "action": r"the (\w+) doing",
        "color": r"the (\w+)\?", "type": r"the (\w+)\?", "subcategory": r"is (\w+ \w+)\?",
        "causal": r"does (.+) stand out",
    }  # fmt: skip
    for kind in KINDS:
        for own, said in zip(
            asked(kind, 1), paraphrased(np.random.default_rng(0), kind, asked(kind, 1)), strict=True
        ):
            assert re.search(subject[kind], own)[1] in said, (own, said)


def test_no_two_kinds_say_a_thing_alike_and_no_first_word_says_the_kind():
    said = {k: {*paraphrased(np.random.default_rng(0), k, asked(k, 1)), *asked(k, 1)} for k in KINDS}
    for kind, texts in said.items():
        others = set().union(*(said[k] for k in KINDS if k != kind))
        assert not texts & others
    kinds_of = defaultdict(set)
    for kind, texts in said.items():
        for text in texts:
            kinds_of[text.split()[0]].add(kind)
    # As the questions stand, "where" and "why" each open one kind, and "how" another.
    shared = [
        np.mean([len(kinds_of[text.split()[0]]) > 1 for text in sorted(texts)]) for texts in said.values()
    ]
    assert min(shared) > 0.4
