"""Statements as token rows, and the words in them that are to be predicted."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..streams.text.tokenizer import Tokenizer
from .statements import ASPECTS, PLAIN

# The shares of words to predict: among words for a thing's look, among nouns, and among the others. A noun is
# spelled in several tokens, and does not help with things never seen.
_ASPECT, _NOUN, _PLAIN = 0.5, 0.15, 0.05
# As in BERT: the share of the words to predict that becomes [MASK], and the share that becomes any token. The
# rest stays.
_MASKED, _RANDOM = 0.8, 0.1


class StatementRows:
    """Turns statements into token rows as ``tokenizer`` does. They have words and single spaces only."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._known: dict[str, list[int]] = {}

    def encode(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Encodes texts. A text that is longer than the tokenizer's rows is cut.

        Returns:
            Three arrays (N, L), with L the length of the longest text: ids, int64, with [CLS], [SEP] and
            [PAD]; the word of each token, int64 from 0, and -1 for special tokens; and the probability with
            which that word is to be predicted, float64.
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
        """Hides whole words as BERT hides tokens. Words for which the picture is needed are hidden much more
        often.

        Args:
            rng: The generator.
            ids: As :meth:`encode` gave them.
            word: The word of each token, as :meth:`encode` gave it.
            share: The probability with which that word is to be predicted, as :meth:`encode` gave it.

        Returns:
            (ids, selected), both (N, L).
        """
        n, length = ids.shape
        # There is one draw for each word. The last column is for special tokens.
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
