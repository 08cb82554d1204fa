"""What a study's tables and sentences say, of figures that are known."""

from types import SimpleNamespace

import pytest

from orchestrator.study.study_arm import StudyArm
from orchestrator.study.study_book import Part
from orchestrator.study.study_request import StudyRequest
from orchestrator.study.study_table import study_table

pytestmark = pytest.mark.unit


def told(figures, pairs=8, failed=(), **asked):
    """The tables of a study of digits: method -> its figures by pair."""
    request = StudyRequest.of({"methods": list(figures), "streams": ["digits"], "pairs": pairs, **asked}, "f")
    arms = [StudyArm.of(request, method, request.streams[0]) for method in request.methods]
    parts = {}
    for label, values in figures.items():
        parts[f"s-{label}"] = Part(f"s-{label}", "t", 1.0, {}, 16, "it broke" if label in failed else "")
        for n, value in values.items():
            parts[f"s-{label}-pair{n}"] = Part(f"s-{label}-pair{n}", "seed", 1.0, {"average": value})

    def name_of(arm, pair=None):
        return request.run_name("s", arm.method, arm.stream, pair)

    def done(name):
        return parts[name] if name in parts and not parts[name].reason else None

    def names(arm):
        return [name_of(arm), *(name_of(arm, n) for n in range(1, pairs + 1))]

    book = SimpleNamespace(parts=parts, done=done)
    return study_table(SimpleNamespace(book=book, name_of=name_of, names=names), request, arms)


def by_pair(*values):
    return dict(enumerate(values, 1))


LOW = by_pair(50, 52, 51, 53, 49, 50, 52, 51)
HIGH = {n: value + 4 + n / 10 for n, value in LOW.items()}


def test_a_row_has_mean_deviation_and_interval():
    rows = told({"slda": LOW}).splitlines()
    assert "| slda | 16 | 8 | 51.0 ± 1.3 | 49.9 to 52.1 |" in rows
    assert told({"slda": by_pair(50.04)}).splitlines().count("| slda | 16 | 1 | 50.0 |  |") == 1


def test_a_difference_that_is_in_every_pair_is_a_win_and_a_half_is_none():
    text = told({"slda": HIGH, "ncm": LOW, "nme": {n: v + (-1) ** n for n, v in HIGH.items()}}, memory=40)
    assert (
        "- With everyone tuned alike, slda beats ncm by 4.45 points (95 % interval 4.25 to 4.65, paired over "
        "8 seeds and orders), for 40 replayed samples." in text
    )
    assert "- slda and nme: no difference shown (n = 8; a difference of" in text


def test_pairs_count_where_both_methods_have_them():
    few = {n: value for n, value in LOW.items() if n < 6}
    text = told({"slda": HIGH, "ncm": few})
    assert "| ncm | 16 | 5 | 51.0 ± 1.6 |" in text
    assert (
        "- slda and ncm: no difference can be shown (n = 5: the test cannot reach 5 % below 6 pairs" in text
    )


def test_the_corrected_p_decides():
    """One sign in six of six pairs is p = 0.03: enough alone, and not among two comparisons."""
    high, low = ({n: v for n, v in found.items() if n < 7} for found in (HIGH, LOW))
    assert "slda beats ncm" in told({"slda": high, "ncm": low}, 6)
    assert "slda and ncm: no difference can be shown" in told({"slda": high, "ncm": low, "nme": low}, 6)


def test_a_method_that_failed_says_why_and_is_compared_with_nobody():
    text = told({"slda": LOW, "ncm": {}}, failed=["ncm"])
    assert "| ncm | 16 | 0 | it broke | |" in text and "slda and ncm" not in text


def test_the_heading_has_the_question_the_protocol_and_the_memory():
    text = told({"slda": LOW}, question="Is it?", memory=40)
    assert text.startswith("# Is it?\n\n## digits\n\n`average` on test data")
    assert "(end-of-stream). Every method with a memory has 40 samples." in text
