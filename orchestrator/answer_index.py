"""Which of a question's answers a prediction is, without comparing strings one by one."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from weakref import WeakKeyDictionary

import numpy as np

from .streams.source import QuestionTables
from .streams.stream import Stream
from .vqa_accuracy import normalise

_normalise = lru_cache(maxsize=2**16)(normalise)  # a method says the same few things again and again


class AnswerIndex:
    """The answers of a stream's ``tables``, a number for each that predictions tell apart."""

    def __init__(self, tables: QuestionTables) -> None:
        answers = tables.answers if tables.matching == "reference" else map(normalise, tables.answers)
        self._number: dict[str, int] = {}
        self._of = np.array([self._number.setdefault(a, len(self._number)) for a in answers], np.int64)

    def scores(self, texts: Sequence[str], answer: np.ndarray, score: np.ndarray) -> np.ndarray:
        """(B,), in 0 .. 1: what each of the predictions ``texts`` is worth.

        ``answer``: int (B, K), indices into ``QuestionTables.answers``, -1 after the last; ``score`` (B, K).
        Of answers that are the same in the comparison, the best counts.
        """
        said = np.array([self._number.get(_normalise(text), -1) for text in texts], np.int64)
        same = (self._of[answer] == said[:, None]) & (answer >= 0)
        return np.where(same, score, 0).max(axis=1, initial=0)


_KEPT: WeakKeyDictionary[Stream, AnswerIndex] = WeakKeyDictionary()


def answer_index(stream: Stream) -> AnswerIndex:
    """The index of a stream's answers, made once: published data sets have a hundred thousand of them."""
    if stream not in _KEPT:
        _KEPT[stream] = AnswerIndex(stream.tables)
    return _KEPT[stream]
