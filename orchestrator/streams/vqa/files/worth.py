"""The scores of annotators' answers to a question."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from ....metrics.vqa_accuracy import answer_scores


def worth(answers: Sequence[str], matching: Literal["official", "reference"]) -> dict[str, float]:
    """The soft accuracy of every distinct answer (:func:`~orchestrator.metrics.vqa_accuracy.answer_scores`).

    An answer that is empty once it is normalised, such as a lone "?", does not count.
    """
    return {answer: score for answer, score in answer_scores(answers, matching).items() if answer}
