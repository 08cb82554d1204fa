"""Soft accuracy, against the golden vectors and by hand."""

import json
from pathlib import Path

import numpy as np
import pytest

from orchestrator.metrics.vqa_accuracy import answer_scores, normalise

GOLDEN = Path(__file__).parents[2] / "golden" / "vqacl.npz"
CASES = json.loads(np.load(GOLDEN)["vqa.cases_json"].item())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["prediction"])
def test_the_reference_scores_as_released(case):
    assert normalise(case["prediction"]) == case["normalised"]
    scores = answer_scores(case["answers"], "reference")
    assert round(100 * scores.get(case["normalised"], 0), 2) == case["score_percent"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["prediction"])
def test_a_normal_form_stays_as_it_is(case):
    for text in (case["prediction"], *case["answers"]):
        assert normalise(normalise(text)) == normalise(text)


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("  The\tred\nBALL. ", "red ball"),
        ("one, two/three", "1 2 3"),  # the comma touches a space and goes, the slash becomes one
        ("x,y", "x y"),
        ("x, y,z", "x yz"),
        ("p-q x-,y", "p q x y"),  # marks are judged by the text as it was
        ("$1,000.50 (about)", "$1000.50 about"),
        ("3.5 and 3. and .5", "3.5 and 3 and .5"),
        ("Isnt it the couldnt've?", "isn't it couldn't've"),
        ("couldn'tve yalld've", "couldn't've yalld've"),
        ("y'alld've 'ows'at twas", "y'all'd've 'ow's'at 'twas"),
        ("well hell id its were she's", "well hell id its were she's"),
        ("an ant", "ant"),
        ("家 的", "家 的"),
        ("the", ""),
    ],
)
def test_normal_forms(text, normal):
    assert normalise(text) == normal


def test_official_matching_normalises_the_answers_too():
    assert answer_scores(["Yes"] * 10) == {"yes": 1.0}
    assert answer_scores(["Yes"] * 10, "reference") == {"Yes": 1.0}
    mixed = ["two"] * 2 + ["2."] * 2 + ["the Cat"] * 6
    assert answer_scores(mixed) == {"2": 1.0, "cat": 1.0}
    assert answer_scores(mixed, "reference") == {"two": 0.6, "2": 0.6, "the Cat": 1.0}


@pytest.mark.parametrize("count", range(1, 11))
def test_ten_annotators_are_left_out_one_by_one(count):
    answers = ["cat"] * count + [f"dog {i}" for i in range(10 - count)]
    expected = np.mean([min(1, (answers[:i] + answers[i + 1 :]).count("cat") / 3) for i in range(10)])
    assert answer_scores(answers)["cat"] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("answers", "scores"),
    [
        (["cat"], {"cat": 1.0}),
        (["cat", "cat"], {"cat": 1.0}),
        (["cat", "dog"], {"cat": 0.5, "dog": 0.5}),
        (["cat", "cat", "cat"], {"cat": 1.0}),
        (["cat", "cat", "cat", "dog"], {"cat": 0.75, "dog": 0.25}),
    ],
)
def test_few_annotators_make_an_answer_right_together(answers, scores):
    assert answer_scores(answers) == pytest.approx(scores)


def test_what_cannot_be_scored_is_an_error():
    with pytest.raises(ValueError, match="no answers"):
        answer_scores([])
    with pytest.raises(ValueError, match="matching 'exact': one of official, reference"):
        answer_scores(["cat"], "exact")
