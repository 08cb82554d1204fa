"""What predictions are worth to the questions of a stream."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from weakref import WeakKeyDictionary

import numpy as np

from ..metrics.vqa_accuracy import normalise
from ..streams.source import QuestionTables
from ..streams.stream import Stream

_normalise = lru_cache(maxsize=2**16)(normalise)  # a method says the same few things again and again


class AnswerIndex:
    """The answers of a stream's ``tables``, a number for each that predictions tell apart: strings are not
    compared one by one.
    """

    def __init__(self, tables: QuestionTables) -> None:
        as_given = tables.matching == "reference"
        self._texts = [text if as_given else normalise(text) for text in tables.answers]
        self._number: dict[str, int] = {}
        self._of = np.array([self._number.setdefault(a, len(self._number)) for a in self._texts], np.int64)
        measure = tables.wups
        self._wups = None
        if measure:
            from ..metrics.wups import Wups  # nltk takes a second to import, and hardly a stream needs it

            self._wups = Wups(measure.stopwords)
        self._exact = np.array(measure.exact if measure else (), np.int64)

    def scores(
        self, texts: Sequence[str], kind: np.ndarray, answer: np.ndarray, score: np.ndarray
    ) -> np.ndarray:
        """(B,), in 0 .. 1: what each of the predictions ``texts`` is worth.

        ``kind``: int (B,), of the questions. ``answer``: int (B, K), indices into ``QuestionTables.answers``,
        -1 after the last; ``score`` (B, K). Of answers that are the same in the comparison, the best counts;
        by WUPS the best of what is near an answer times its worth.
        """
        said = [_normalise(text) for text in texts]
        number = np.array([self._number.get(text, -1) for text in said], np.int64)
        near = ((self._of[answer] == number[:, None]) & (answer >= 0)).astype(float)
        if self._wups:
            for row in np.flatnonzero(~np.isin(kind, self._exact)):
                for place in np.flatnonzero(answer[row] >= 0):
                    near[row, place] = self._wups.score(said[row], self._texts[answer[row, place]])
        return (near * score).max(axis=1, initial=0)


_KEPT: WeakKeyDictionary[Stream, AnswerIndex] = WeakKeyDictionary()


def answer_index(stream: Stream) -> AnswerIndex:
    """The index of a stream's answers, made once: published data sets have a hundred thousand of them."""
    if stream not in _KEPT:
        _KEPT[stream] = AnswerIndex(stream.tables)
    return _KEPT[stream]
