"""Scores predicted answers to the questions of a stream."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from weakref import WeakKeyDictionary

import numpy as np

from ..metrics.vqa_accuracy import normalise
from ..streams.source import QuestionTables
from ..streams.stream import Stream

_normalise = lru_cache(maxsize=2**16)(normalise)  # a method gives the same few answers again and again


class AnswerIndex:
    """The answers of a stream, with a number for each answer that the comparison tells apart.

    Numbers are compared in the place of strings.

    Args:
        tables: The stream's answers and how they are compared.
    """

    def __init__(self, tables: QuestionTables) -> None:
        as_given = tables.matching == "reference"
        self._texts = [text if as_given else normalise(text) for text in tables.answers]
        self._number: dict[str, int] = {}
        self._of = np.array([self._number.setdefault(a, len(self._number)) for a in self._texts], np.int64)
        # The number of the first answer of each text: those after it are the same in the comparison.
        self._first = np.unique(self._of, return_index=True)[1]
        measure = tables.wups
        self._wups = None
        if measure:
            from ..metrics.wups import Wups  # nltk takes a second to import, and few streams need it

            self._wups = Wups(measure.stopwords)
        self._exact = np.array(measure.exact if measure else (), np.int64)

    def scores(
        self, texts: Sequence[str], kind: np.ndarray, answer: np.ndarray, score: np.ndarray
    ) -> np.ndarray:
        """Scores predictions, each in 0 .. 1.

        Where several of a question's answers are the same in the comparison, the best of them counts. With
        WUPS, a prediction's nearness to an answer is multiplied by the answer's worth, and the best product
        counts.

        Args:
            texts: B predictions.
            kind: int (B,), the kinds of the questions.
            answer: int (B, K), indices into ``QuestionTables.answers``, -1 after the last answer.
            score: (B, K), what each answer is worth.

        Returns:
            (B,), the predictions' scores.
        """
        said = [_normalise(text) for text in texts]
        number = self._numbers(said)
        near = ((self._of[answer] == number[:, None]) & (answer >= 0)).astype(float)
        if self._wups:
            for row in np.flatnonzero(~np.isin(kind, self._exact)):
                for column in np.flatnonzero(answer[row] >= 0):
                    near[row, column] = self._wups.score(said[row], self._texts[answer[row, column]])
        return (near * score).max(axis=1, initial=0)

    def numbers(self, texts: Sequence[str]) -> np.ndarray:
        """Looks predictions up among the answers.

        Args:
            texts: B predictions.

        Returns:
            int (B,), the first index into ``QuestionTables.answers`` whose answer is the same in the
            comparison; -1 where none is.
        """
        number = self._numbers([_normalise(text) for text in texts])
        return np.where(number >= 0, self._first[number], -1)

    def _numbers(self, said: Sequence[str]) -> np.ndarray:
        return np.array([self._number.get(text, -1) for text in said], np.int64)


_KEPT: WeakKeyDictionary[Stream, AnswerIndex] = WeakKeyDictionary()


def answer_index(stream: Stream) -> AnswerIndex:
    """Returns the index of a stream's answers. It is made once: published data sets have a hundred thousand
    answers.
    """
    if stream not in _KEPT:
        _KEPT[stream] = AnswerIndex(stream.tables)
    return _KEPT[stream]
