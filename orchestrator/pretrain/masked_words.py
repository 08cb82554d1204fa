"""Statements as token rows, and which of their words are to be predicted."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..streams.text.tokenizer import Tokenizer
from .statements import ASPECTS, PLAIN

# Shares of words to predict: those that tell what a thing is like, those that say what it is, the others.
# A noun is spelled in several tokens, and of no use for things never seen.
_ASPECT, _NOUN, _PLAIN = 0.5, 0.15, 0.05
# As BERT's: of the words to predict, what becomes [MASK], what becomes any token, what stays.
_MASKED, _RANDOM = 0.8, 0.1


class StatementRows:
    """Turns statements, words and single spaces alone, into token rows as ``tokenizer`` does."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._known: dict[str, list[int]] = {}

    def encode(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Three (N, L), L the longest text's: ids, int64, with [CLS], [SEP] and [PAD]; each token's word,
        int64 from 0, -1 of special tokens; how often that word is to be predicted, float64.

        What is longer than the tokenizer's rows is cut.
        """
        t = self._tokenizer
        rows = []
        for text in texts:
            tokens = [(i, n, _share(word)) for n, word in enumerate(text.split()) for i in self._ids(word)]
            rows.append([(t.cls_id, -1, 0.0), *tokens[: t.max_tokens - 2], (t.sep_id, -1, 0.0)])
        length = max(map(len, rows))
        ids, word, share = np.array([row + [(t.pad_id, -1, 0.0)] * (length - len(row)) for row in rows]).T
        return ids.T.astype(np.int64), word.T.astype(np.int64), share.T

    def mask(
        self, rng: np.random.Generator, ids: np.ndarray, word: np.ndarray, share: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """(ids, selected), both (N, L): whole words hidden as BERT hides tokens, those for which the picture
        is needed much more often.
        """
        n, length = ids.shape
        # One draw a word; the last column is the special tokens'.
        chance, fate = (drawn[np.arange(n)[:, None], word] for drawn in rng.random((2, n, length + 1)))
        selected = chance < share
        hidden = np.where(selected & (fate < _MASKED), self._tokenizer.mask_id, ids)
        random = selected & (fate >= _MASKED) & (fate < _MASKED + _RANDOM)
        return np.where(random, rng.integers(0, self._tokenizer.vocab_size, ids.shape), hidden), selected

    def _ids(self, word: str) -> list[int]:
        if word not in self._known:
            self._known[word] = self._tokenizer.encode_answers([word])[0, :-1].tolist()
        return self._known[word]


def _share(word: str) -> float:
    return _PLAIN if word in PLAIN else _ASPECT if word in ASPECTS else _NOUN
