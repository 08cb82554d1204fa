"""Predictions against a stream's answers."""

import numpy as np
import pytest

from orchestrator.evaluation.answer_index import AnswerIndex, answer_index
from orchestrator.streams.source import QuestionTables

ANSWERS = ["Yes", "two", "2", "a red ball", "no"]


def tables(matching):
    return QuestionTables(ANSWERS, 4, ["judge"], ["toys"], [0], matching=matching)


@pytest.mark.parametrize(("matching", "found"), [("official", [4, 1, -1, 3]), ("reference", [4, 2, -1, -1])])
def test_a_predictions_number_is_that_of_the_first_answer_it_is_the_same_as(matching, found):
    said = ["No", "Two", "the ball", "the red ball"]  # to be compared with "2", "red ball"
    assert AnswerIndex(tables(matching)).numbers(said).tolist() == found


# The rows: the prediction, the answers that count, what they are worth, what both readings give.
ROWS = [
    ("yes.", [0, 4], [0.9, 0.3], 0.9, 0.0),
    ("NO", [0, 4], [0.9, 0.3], 0.3, 0.3),
    ("Two", [1, 2], [0.3, 0.6], 0.6, 0.6),
    ("Two", [1, -1], [0.3, 0.6], 0.3, 0.0),
    ("red ball", [3, 4], [1.0, 0.3], 1.0, 0.0),
    ("blue ball", [3, -1], [1.0, 0.0], 0.0, 0.0),
    ("no", [-1, -1], [0.7, 0.7], 0.0, 0.0),  # -1 is not the last of the table
]


@pytest.mark.parametrize(("matching", "column"), [("official", 3), ("reference", 4)])
def test_what_a_prediction_is_worth(matching, column):
    texts, answer, score = zip(*(row[:3] for row in ROWS), strict=True)
    found = AnswerIndex(tables(matching)).scores(
        texts, np.zeros(len(texts), int), np.array(answer, np.int32), np.array(score)
    )
    assert found == pytest.approx([row[column] for row in ROWS])


def test_questions_without_any_answer_are_worth_nothing():
    found = AnswerIndex(tables("official")).scores(
        ["no"], np.zeros(1, int), np.empty((1, 0), int), np.empty((1, 0))
    )
    assert found.tolist() == [0]


def test_a_streams_answers_are_normalised_once():
    class Stream:
        tables = tables("official")

    first, second = Stream(), Stream()
    assert answer_index(first) is answer_index(first)
    assert answer_index(first) is not answer_index(second)
