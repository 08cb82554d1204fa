"""What annotators' answers make of a question."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from ....metrics.vqa_accuracy import answer_scores


def worth(answers: Sequence[str], matching: Literal["official", "reference"]) -> dict[str, float]:
    """Answer -> its soft accuracy, of every distinct one
    (:func:`~orchestrator.metrics.vqa_accuracy.answer_scores`); what is empty once compared, a lone "?", is
    no answer.
    """
    return {answer: score for answer, score in answer_scores(answers, matching).items() if answer}
