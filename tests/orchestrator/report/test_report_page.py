"""The page of a study: it is whole, needs nothing else, and says what the tables say."""

import re

import numpy as np
import pytest
from told_study import TRIALS, method, read_page, stream, study

from orchestrator.report.html import tag
from orchestrator.report.pair_result import PairResult
from orchestrator.report.report_page import LIMIT, report_page
from orchestrator.report.trial_curve import TrialCurve

pytestmark = pytest.mark.unit

_LOW = (50.0, 52.0, 51.0, 53.0, 49.0, 50.0, 52.0, 51.0)
_HIGH = tuple(value + 4 + n / 10 for n, value in enumerate(_LOW, 1))


@pytest.fixture
def whole():
    return study(stream(method("slda", _HIGH), method("ncm", _LOW, memory="0"), method("nme", _LOW[:3])))


def test_a_page_is_whole_and_asks_for_nothing(whole):
    text = report_page(whole)
    page = read_page(text)
    assert text.startswith("<!DOCTYPE html>\n") and len(text.encode()) < 100_000
    assert not {"script", "link", "img", "iframe", "object", "embed"} & set(page.tags)
    asking = {"src", "href", "srcset", "xlink:href", "action", "data", "style"}
    assert [found for found in page.attributes if found[1] in asking or found[1].startswith("on")] == []
    assert not re.search(r"https?:|url\(|@import|//\w", text)


def test_sections_come_in_order(whole):
    assert read_page(report_page(whole)).heads == [
        "Which is better?",
        "digits",
        "Leaderboard",
        "Paired differences",
        "Each pair",
        "Over tasks",
        "Task by task",
        "Memory",
        "Searches",
        "Make it again",
        "The study",
    ]


def test_the_leaderboard_has_mean_deviation_interval_and_n(whole):
    heads, first, second, third = read_page(report_page(whole)).tables["leaderboard"]
    assert heads == ["method", "mean", "95 % interval", "n", "memory", "validation", "trials"]
    assert first == ["slda", "55.5 ± 1.3", "54.3 to 56.6", "8", "40", "44.0", "3, 1 failed"]
    assert second[:5] == ["ncm", "51.0 ± 1.3", "49.9 to 52.1", "8", "0"]
    assert third[:5] == ["nme", "51.0 ± 1.0", "48.5 to 53.5", "3", "40"]


def test_further_metrics_and_what_runs_took_have_their_means(whole):
    tables = read_page(report_page(whole)).tables
    assert tables["metrics"][:2] == [["method", "forgetting"], ["slda", "9.0 ± 4.9"]]
    heads, first, *_ = tables["costs"]
    assert heads == ["method", "samples kept", "seconds/train"]
    assert first == ["slda", "40.0 ± 0.0", "6.8 ± 3.7"]


def test_differences_have_interval_test_and_correction(whole):
    heads, ncm, nme = read_page(report_page(whole)).tables["differences"]
    assert heads == ["beside", "n", "difference", "95 % interval", "p", "p (Holm)", "effect size", "shown"]
    assert ncm == ["ncm", "8", "+4.5", "+4.2 to +4.7", "0.008", "0.016", "+1.00", "yes"]
    assert nme == ["nme", "3", "+4.2", "+4.0 to +4.4", "0.250", "0.250", "+1.00", "no"]


def test_the_answer_is_the_sentence_beside_the_best_other_method():
    better = tuple(value + 1 + n / 10 for n, value in enumerate(_HIGH))
    found = stream(method("slda", _HIGH), method("ncm", _LOW), method("ranpac", better))
    words = read_page(report_page(study(found))).words
    assert words[words.index("digits") + 1] == f"{found.comparisons[1].sentence}."
    assert found.comparisons[1].sentence.startswith("with everyone tuned alike, ranpac beats slda by 1.35 ")


def test_pictures_show_what_was_found(whole):
    words = read_page(report_page(whole)).words
    said = " ".join(words)
    assert "slda, after task 1: 55.5" in words and "slda, after task 2: 55.0" in words
    assert "slda less ncm, pair 8: +4.8" in words and "ncm, pair 4: 53.0" in words
    assert "slda less ncm, the best other method, in points: " in said, "of equal ones the first"
    assert "+4" in words and "-4" not in words, "55.5 less 51.0"
    assert "trial_0002: stopped after task 1, 50.0" in words
    assert "3 failed" not in said and ": 1 finished, 1 stopped, 1 failed; 1 failed in the first task" in said
    assert ". A failure: loss is nan" in said
    assert "no other method is better with as little memory (ncm, slda)." in said
    assert ["slda", "trial_0001", "44.00", "method.learning_rate=0.1"] in read_page(
        report_page(whole)
    ).tables["chosen"]


def test_a_trial_that_failed_later_is_not_among_those_of_the_first_task():
    trials = (*TRIALS, TrialCurve("trial_0004", "failed", (30.0,), reason="it broke"))
    said = " ".join(read_page(report_page(study(stream(method("a", _LOW, searched=trials))))).words)
    assert ": 2 failed, 1 finished, 1 stopped; 1 failed in the first task. A failure: loss is nan" in said


def test_the_commands_are_there(whole):
    text = " ".join(read_page(report_page(whole)).words)
    for command in ("--resume s", "--report s", "study.yaml"):
        assert f"python -m orchestrator.study {command}" in text
    assert "# slda, search\npython -m orchestrator.sweep slda" in text
    assert text.count("Made by  python -m orchestrator.study --resume s") == 8


_HOSTILE = '<script>alert("1")</script>&\'"'


def test_what_a_user_named_is_text_and_no_html():
    trials = (*TRIALS, TrialCurve(_HOSTILE, "failed", (1.0,), reason=_HOSTILE))
    chosen = {_HOSTILE: _HOSTILE}
    methods = [method(_HOSTILE + x, _LOW, searched=trials, chosen=chosen) for x in "ab"]
    methods.append(method("c", _HIGH, memory="0"))
    found = stream(*methods, title=_HOSTILE, failed=(_HOSTILE,), unread=(_HOSTILE,))
    text = report_page(study(found, question=_HOSTILE))
    page = read_page(text)
    assert "<script" not in text and "script" not in page.tags
    assert page.heads[0] == _HOSTILE and page.tables["leaderboard"][1][0] == _HOSTILE + "a"
    assert len([value for _, key, value in page.attributes if key == "aria-label" and _HOSTILE in value]) == 7


def test_text_in_an_element_and_in_an_attribute_is_escaped():
    assert tag("p", "<a>", tag("b", "&"), title='"<') == '<p title="&quot;&lt;">&lt;a&gt;<b>&amp;</b></p>'


def test_what_is_missing_or_not_a_number_is_a_dash():
    broken = method("ncm", _LOW, score=None, searched=(), chosen={}, commands={})
    broken = PairResult(1, 1, 1, {"average": float("nan"), "forgetting": float("inf")}), *broken.pairs[1:2]
    none = method("nme", ())
    found = stream(method("slda", _HIGH[:1]), method("ncm", ()), none)
    ncm = method("ncm", (), score=None, searched=(), chosen={}, commands={})
    ncm = type(ncm)(**{**vars(ncm), "pairs": broken})
    page = read_page(report_page(study(stream(method("slda", _HIGH[:1]), none))))
    assert page.tables["leaderboard"][1:] == [
        ["slda", "54.1", "–", "1", "40", "44.0", "3, 1 failed"],
        ["nme", "–", "–", "0", "40", "44.0", "3, 1 failed"],
    ]
    found = type(found)(**{**vars(found), "methods": (found.methods[0], ncm)})
    page = read_page(report_page(study(found)))
    assert page.tables["leaderboard"][2][:3] == ["ncm", "52.0", "–"]
    assert page.tables["metrics"][2][1] == "4.0" and page.tables["chosen"][2] == ["ncm", "–", "–", "–"]
    assert "samples kept" in page.tables["costs"][0] and page.tables["costs"][0][0] == "method"
    assert [word for word in page.words if re.search(r"\b(nan|inf)\b", word)] == [
        ": 1 finished, 1 stopped, 1 failed; 1 failed in the first task. A failure: loss is nan"
    ]


@pytest.mark.parametrize(
    ("methods", "answered", "absent"),
    [
        ([method("a", ()), method("b", ())], "a shares no pair that has ended with another", ["Each pair"]),
        (
            [method("a", _LOW)],
            "a is compared with nothing: there is one method.",
            ["Paired differences"],
        ),
        (
            [method("a", _LOW[:1]), method("b", _HIGH[:1])],
            "a and b: no difference can be shown (n = 1",
            ["Memory"],
        ),
        (
            [method("a", _LOW, 0), method("b", _HIGH, 0)],
            "with everyone tuned alike, b beats a",
            ["Over tasks", "Task by task"],
        ),
        ([method("a", _LOW, 1), method("b", _HIGH, 1)], "with everyone tuned alike, b beats a", []),
        ([method("a", (50.0, 50.0)), method("b", (50.0, 50.0))], "a and b: no difference can be", []),
        ([method("a", (), searched=())], "a is compared with nothing", ["Each pair", "Over tasks"]),
    ],
    ids=["no pairs", "one method", "one pair", "no matrices", "one task", "all equal", "nothing yet"],
)
def test_a_study_that_has_little_has_a_page(methods, answered, absent):
    page = read_page(report_page(study(stream(*methods))))
    assert any(word.startswith(answered) for word in page.words)
    assert not set(absent) & set(page.heads) and "Leaderboard" in page.heads
    assert "nan" not in " ".join(value for _, key, value in page.attributes if key in ("d", "cx", "cy"))


def test_two_streams_have_a_part_each():
    two = study(
        stream(method("a", _LOW), method("b", _HIGH)),
        stream(method("a", _HIGH), method("b", _LOW), title="o"),
    )
    page = read_page(report_page(two))
    assert page.heads.index("digits") < page.heads.index("o") and page.heads.count("Leaderboard") == 2
    assert [row[1] for row in page.tables["leaderboard"] if row[0] == "a"] == ["51.0 ± 1.3", "55.5 ± 1.3"]


def test_what_failed_and_what_was_not_read_is_said(whole):
    failed = tuple(f"s-ncm-pair{n}: it broke" for n in range(12))
    found = stream(method("a", _LOW), failed=failed, unread=("runs/s-a: gone",))
    words = read_page(report_page(study(found))).words
    assert "s-ncm-pair9: it broke" in words and "s-ncm-pair10: it broke" not in words
    assert "and 2 more" in words and "runs/s-a: gone" in words
    assert not [word for word in read_page(report_page(whole)).words if word.startswith("Failed")]


def test_a_page_of_many_methods_and_tasks_stays_below_the_limit():
    many = [method(f"method {n}", (50.0 + n, 51.0), tasks=100, searched=()) for n in range(30)]
    text = report_page(study(stream(*many)))
    assert len(text.encode()) < LIMIT == 2_000_000
    assert "Left out" not in text and "a cell is the mean over 3 tasks" in text


def test_what_would_make_a_page_too_large_is_left_out_and_it_says_so(whole):
    full = report_page(whole)
    text = report_page(whole, len(full.encode()) - 1)
    page = read_page(text)
    assert len(text) < len(full) and text.count("Left out, since the page would be too large.") == 1
    assert page.heads == read_page(full).heads and page.tables["differences"]
    assert report_page(whole, 1).count("Left out") == 3, "tables stay"


def test_it_is_for_small_screens_paper_and_the_dark(whole):
    text = report_page(whole)
    assert '<meta name="viewport" content="width=device-width, initial-scale=1">' in text
    assert "@media screen and (prefers-color-scheme:dark)" in text and "@page{size:A4" in text
    page = read_page(text)
    boxes = [value for tag, key, value in page.attributes if (tag, key) == ("svg", "viewbox")]
    assert {box.split()[2] for box in boxes} == {"360", "22"}
    assert not [found for found in page.attributes if found[0] == "svg" and found[1] in ("width", "height")]
    for _, key, value in page.attributes:
        if key in ("cx", "x"):
            assert 0 <= float(value) <= 360
    for number in ("0072b2", "d55e00", "009e73", "cc79a7", "e69f00", "56b4e9"):
        assert f"#{number}" in text


def test_broken_matrices_are_no_error():
    odd = method("a", _LOW)
    pairs = [PairResult(n, n, n, {"average": 50.0}, {}, matrix) for n, matrix in enumerate(_ODD, 1)]
    odd = type(odd)(**{**vars(odd), "pairs": tuple(pairs)})
    page = read_page(report_page(study(stream(odd, method("b", _HIGH)))))
    assert "Task by task" in page.heads
    assert "a, mean over 2 pairs" in page.words, "those of the most frequent shape"


_ODD = (np.full((2, 2), np.nan), np.array([[1.0, np.nan], [3.0, 4.0]]), np.ones((3, 3)), None)
