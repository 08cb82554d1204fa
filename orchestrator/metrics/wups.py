"""WUPS: how near a free answer is to the right one, by what its words mean."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from nltk.corpus import wordnet
from nltk.tokenize import NLTKWordTokenizer


class Wups:
    """The measure without the words ``stopwords`` of either answer, over nltk's WordNet, which must be where
    nltk looks for it (``python -m nltk.downloader wordnet``).

    Malinowski and Fritz (NIPS 2014), as NExT-QA's evaluation (Xiao et al., CVPR 2021) and VQACL's released
    code take it, with threshold 0: a word's sense is its first. Words are not lemmatised here, as in VQACL's
    code and unlike NExT-QA's; WordNet finds inflected words by itself.
    """

    def __init__(self, stopwords: Sequence[str] = ()) -> None:
        self._stopwords = frozenset(stopwords)
        self._split = NLTKWordTokenizer().tokenize
        self._near = lru_cache(maxsize=2**18)(_nearness)
        self._kept = lru_cache(maxsize=2**18)(self._score)

    def score(self, said: str, answer: str) -> float:
        """In 0 .. 1: of two ways, each answer's words against the other's, the smaller product over the words
        of how near the nearest is. A word that is near none is passed over; 0 where all are.
        """
        return self._kept(said, answer)

    def _score(self, said: str, answer: str) -> float:
        own, other = ([w for w in self._split(text) if w not in self._stopwords] for text in (said, answer))
        return min(self._product(own, other), self._product(other, own))

    def _product(self, words: Sequence[str], others: Sequence[str]) -> float:
        product, found = 1.0, False
        for word in words:
            near = max((self._near(word, other) for other in others), default=0.0)
            if near > 0:
                product, found = product * near, True
        return product if found else 0.0


def _nearness(word: str, other: str) -> float:
    """Wu and Palmer's similarity of the words' first senses; 0 for words that WordNet has not."""
    if word == other:
        return 1.0
    senses = wordnet.synsets(word), wordnet.synsets(other)
    if not all(senses):
        return 0.0
    return wordnet.wup_similarity(senses[0][0], senses[1][0]) or 0.0
