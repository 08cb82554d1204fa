"""Predictions of a trained method, by scenario."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class ClassPrediction:
    """Of N pictures, which of C classes they show.

    Attributes:
        classes: The classes' names, in the order in which they were learnt.
        probabilities: float32 (N, C), rows that add up to 1.
    """

    classes: tuple[str, ...]
    probabilities: np.ndarray

    @property
    def labels(self) -> list[str]:
        """The likeliest class of each picture."""
        return [self.classes[index] for index in self.probabilities.argmax(1)]


@dataclass(frozen=True, eq=False)
class MatchPrediction:
    """How well each of N pictures and each of M texts go together.

    Attributes:
        scores: float32 (N, M), cosines, in -1 .. 1.
    """

    scores: np.ndarray

    @property
    def texts(self) -> np.ndarray:
        """int (N, M): for each picture the texts' numbers, best first."""
        return np.argsort(-self.scores, axis=1, kind="stable")

    @property
    def pictures(self) -> np.ndarray:
        """int (M, N): for each text the pictures' numbers, best first."""
        return np.argsort(-self.scores.T, axis=1, kind="stable")


@dataclass(frozen=True, eq=False)
class AnswerPrediction:
    """Answers to N questions, each about its picture.

    Attributes:
        answers: One answer to each question.
        scores: float32 (N,), the logit or log-probability by which each answer was chosen.
    """

    answers: list[str]
    scores: np.ndarray


Prediction = ClassPrediction | MatchPrediction | AnswerPrediction
