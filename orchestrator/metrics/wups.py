"""WUPS: how near a free answer is to the right one, by the meaning of its words."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from nltk.corpus import wordnet
from nltk.tokenize import NLTKWordTokenizer


class Wups:
    """The WUPS measure over nltk's WordNet, with the words ``stopwords`` removed from both answers.

    WordNet must be where nltk looks for it (``python -m nltk.downloader wordnet``). The measure is that of
    Malinowski and Fritz (NIPS 2014) with threshold 0, as NExT-QA's evaluation (Xiao et al., CVPR 2021) and
    VQACL's released code take it: a word's sense is its first one. Words are not lemmatised here, as in
    VQACL's code and unlike in NExT-QA's; WordNet finds inflected words by itself.

    Args:
        stopwords: Words that are ignored in both answers.
    """

    def __init__(self, stopwords: Sequence[str] = ()) -> None:
        self._stopwords = frozenset(stopwords)
        self._split = NLTKWordTokenizer().tokenize
        self._near = lru_cache(maxsize=2**18)(_nearness)
        self._kept = lru_cache(maxsize=2**18)(self._score)

    def score(self, said: str, answer: str) -> float:
        """Computes how near two answers are, in 0 .. 1.

        Each answer's words are compared with the other's. For every word the nearest word of the other answer
        counts, and the nearnesses are multiplied. The smaller of the two products is the score. A word that
        is near none is passed over; the score is 0 where all words are.

        Args:
            said: The prediction.
            answer: The right answer.
        """
        return self._kept(said, answer)

    def _score(self, said: str, answer: str) -> float:
        own, other = ([w for w in self._split(text) if w not in self._stopwords] for text in (said, answer))
        return min(self._product(own, other), self._product(other, own))

    def _product(self, words: Sequence[str], others: Sequence[str]) -> float:
        """The product over ``words`` of the nearness to the nearest of ``others``; 0 where no word is near
        any.
        """
        product, any_near = 1.0, False
        for word in words:
            near = max((self._near(word, other) for other in others), default=0.0)
            if near > 0:
                product, any_near = product * near, True
        return product if any_near else 0.0


def _nearness(word: str, other: str) -> float:
    """Wu and Palmer's similarity of the words' first senses; 0 for words that WordNet does not have."""
    if word == other:
        return 1.0
    senses = wordnet.synsets(word), wordnet.synsets(other)
    if not all(senses):
        return 0.0
    return wordnet.wup_similarity(senses[0][0], senses[1][0]) or 0.0
