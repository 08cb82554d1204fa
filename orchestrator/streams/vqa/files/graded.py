"""Keeps answers with their scores in little memory."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence

import numpy as np


class AnswerIds:
    """Numbers answers in the order in which they are met.

    Attributes:
        texts: All answers, by number.
    """

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self.texts: list[str] = []
        self._numbers: dict[str, int] = {}
        for text in texts:
            self.number(text)

    def number(self, text: str) -> int:
        """The answer's number, a new one if it was not met before."""
        number_of = self._numbers.setdefault(text, len(self.texts))
        if number_of == len(self.texts):
            self.texts.append(text)
        return number_of


class GradedAnswers:
    """The answers of N questions as flat columns, with a dozen bytes an answer.

    The answers of question i are ``number[stop[i - 1] : stop[i]]``, which are numbers in ``answer_ids``, with
    the scores ``score[...]``.
    """

    def __init__(self, answer_ids: AnswerIds) -> None:
        self.answer_ids = answer_ids
        self._number = array("i")
        self._score = array("f")
        self._stop = array("q")

    def __len__(self) -> int:
        return len(self._stop)

    def append(self, answers: Mapping[str, float]) -> None:
        """Adds the answers of one more question, answer -> score."""
        self._number.extend(self.answer_ids.number(text) for text in answers)
        self._score.extend(answers.values())
        self._stop.append(len(self._number))

    def replaced(self, rows: Mapping[int, Mapping[str, float]]) -> GradedAnswers:
        """The same questions with other answers at some rows."""
        out = GradedAnswers(self.answer_ids)
        for row in range(len(self)):
            out._add(self, row) if row not in rows else out.append(rows[row])
        return out

    def take(self, rows: Sequence[int]) -> GradedAnswers:
        """The questions at ``rows``, in that order."""
        out = GradedAnswers(self.answer_ids)
        for row in rows:
            out._add(self, row)
        return out

    def columns(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """``row`` int64, ``number`` int32 and ``score`` float32, all (A,), with one entry for each answer,
        ordered by rows.
        """
        counts = np.diff(np.array(self._stop, np.int64), prepend=np.int64(0))
        row = np.repeat(np.arange(len(self)), counts)
        number = np.array(self._number, np.int32)
        return row, number, np.array(self._score, np.float32)

    def _add(self, other: GradedAnswers, row: int) -> None:
        begin, end = other._stop[row - 1] if row else 0, other._stop[row]
        self._number.extend(other._number[begin:end])
        self._score.extend(other._score[begin:end])
        self._stop.append(len(self._number))
