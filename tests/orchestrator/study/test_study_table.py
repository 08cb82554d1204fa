"""What a study's tables and sentences say, of figures that are known."""

import csv
import io
import json
from pathlib import Path

import pytest

from orchestrator.report.metric_summary import metric_summary
from orchestrator.report.pairs_csv import pairs_csv
from orchestrator.storage.identity import Identity
from orchestrator.storage.run_files import IDENTITY_FILE
from orchestrator.study.pair_job import PairJob
from orchestrator.study.run_request import RunRequest
from orchestrator.study.study import Study
from orchestrator.study.study_book import Part, StudyBook
from orchestrator.study.study_request import StudyRequest
from orchestrator.study.study_result import study_result
from orchestrator.study.study_table import study_table

pytestmark = pytest.mark.unit

_ASKED = RunRequest({})
_ONE = "pairs of one order count as one, their mean"


def told(folder, figures, pairs=8, failed=(), lost=0, grown=None, orders=None, **asked):
    """The tables of a study of digits: method -> its figures by pair. ``grown``: method -> how many trials
    its search was asked for when it ended. ``orders``: what tells the order of each pair's stream, first that
    of the searches.
    """
    orders = orders or [str(n) for n in range(pairs + 1)]
    asked = {"methods": list(figures), "streams": ["digits"], "pairs": pairs} | asked
    study, book = Study.of("s", StudyRequest.of(asked, "f")), StudyBook(folder)
    for label, values in figures.items():
        reason = "it broke" if label in failed else ""
        then = RunRequest({"trials": grown[label]}) if grown else _ASKED
        how = {"score": 1.0, "trials": 16, "failed_trials": lost, "reason": reason, "stream": orders[0]}
        search = Part(f"s-{label}", then, "t", **how)
        book.add(search)
        for n, value in values.items():
            pair = PairJob.asked_of(n, search)
            book.add(Part(f"s-{label}-pair{n}", pair, "seed", "", 1.0, {"average": value}, stream=orders[n]))
    return study_table(study, StudyBook(folder))


def by_pair(*values):
    return dict(enumerate(values, 1))


LOW = by_pair(50, 52, 51, 53, 49, 50, 52, 51)
HIGH = {n: value + 4 + n / 10 for n, value in LOW.items()}


def test_a_row_has_mean_deviation_and_interval(tmp_path):
    (tmp_path / "one").mkdir()
    rows = told(tmp_path, {"slda": LOW}).splitlines()
    assert "| slda | 16 | 0 | 8 | 51.0 ± 1.3 | 49.9 to 52.1 |" in rows
    one = told(tmp_path / "one", {"slda": by_pair(50.04)})
    assert one.splitlines().count("| slda | 16 | 0 | 1 | 50.0 |  |") == 1


def test_a_difference_that_is_in_every_pair_is_a_win_and_a_half_is_none(tmp_path):
    even = {n: v + (-1) ** n for n, v in HIGH.items()}
    text = told(tmp_path, {"slda": HIGH, "ncm": LOW, "nme": even}, trials=16)
    assert (
        "- With everyone tuned alike, slda beats ncm by 4.45 points (95 % interval 4.25 to 4.65, paired over "
        "8 seeds and orders)." in text
    )
    assert "- slda and nme: no difference shown (n = 8; a difference of" in text


def test_pairs_count_where_both_methods_have_them(tmp_path):
    few = {n: value for n, value in LOW.items() if n < 6}
    text = told(tmp_path, {"slda": HIGH, "ncm": few})
    assert "| ncm | 16 | 0 | 5 | 51.0 ± 1.6 |" in text
    assert (
        "- slda and ncm: no difference can be shown (n = 5: the test cannot reach 5 % below 6 pairs" in text
    )


def test_the_corrected_p_decides(tmp_path):
    """One sign in six of six pairs is p = 0.03: enough alone, and not among two comparisons."""
    high, low = ({n: v for n, v in found.items() if n < 7} for found in (HIGH, LOW))
    assert "slda beats ncm" in told(tmp_path, {"slda": high, "ncm": low}, 6)
    assert "slda and ncm: no difference can be shown" in told(
        tmp_path, {"slda": high, "ncm": low, "nme": low}, 6
    )


def test_a_method_that_failed_says_why_and_is_compared_with_nobody(tmp_path):
    text = told(tmp_path, {"slda": LOW, "ncm": {}}, failed=["ncm"])
    assert "| ncm | 16 | 0 | 0 |  |  |" in text and "slda and ncm" not in text
    assert "Failed, and tried again by `--resume`:\n\n- s-ncm: it broke\n" in text


def test_trials_that_failed_are_counted(tmp_path):
    assert "| slda | 16, 3 failed | 0 | 8 | 51.0 ± 1.3 |" in told(tmp_path, {"slda": LOW}, lost=3)


def test_the_heading_has_the_question_and_the_protocol(tmp_path):
    text = told(tmp_path, {"slda": LOW}, question="Is it?")
    assert text.startswith("# Is it?\n\n## digits\n\n`average` on test data")
    assert "(end-of-stream).\n" in text and "memory has" not in text


@pytest.mark.parametrize(
    ("orders", "said"),
    [
        ("abcdefghi", ""),
        (
            "abbcdefgh",
            f" The 8 pairs have 7 different orders; {_ONE}, so that n is 7.",
        ),
        ("abbbbbbbb", " The 8 pairs have one order, for which alone the figures hold."),
        ("abcdefgha", " 1 of 8 pairs have the order of the searches."),
        (
            "aabbabbba",
            f" The 8 pairs have 2 different orders; {_ONE}, so that n is 2. "
            "3 of 8 pairs have the order of the searches.",
        ),
        ([""] * 9, ""),  # runs of before, whose order was not taken down
    ],
)
def test_orders_that_are_alike_are_told(tmp_path, orders, said):
    text = told(tmp_path, {"ncm": {}, "slda": LOW}, failed=["ncm"], orders=orders)
    assert f"(end-of-stream).{said}\n" in text


def test_pairs_of_one_order_are_one_in_rows_and_comparisons(tmp_path):
    by_orders = {}
    for orders in ("abcdefghi", "abbcdefgh", "aabbabbba", "abbbbbbbb"):
        (tmp_path / orders).mkdir()
        by_orders[orders] = told(tmp_path / orders, {"slda": HIGH, "ncm": LOW}, orders=orders, trials=16)
    beats = "- With everyone tuned alike, slda beats ncm by 4.4"
    assert (
        f"{beats}5 points (95 % interval 4.25 to 4.65, paired over 8 seeds and orders)."
        in by_orders["abcdefghi"]
    )
    # The first two pairs, 50 and 52, are one of 51: the mean of 7 is 51.0, and the differences' is 4.49.
    seven = by_orders["abbcdefgh"]
    assert "| ncm | 16 | 0 | 8 | 51.0 ± 1.3 | 49.8 to 52.2 |" in seven
    assert (
        f"{beats}9 points (95 % interval 4.28 to 4.70, paired over 7 orders, each the mean of 1 to 2 seeds)."
        in seven
    )
    # Orders a and b have the means of pairs 1, 4, 8 and of the others: 51.333 and 50.8.
    two = by_orders["aabbabbba"]
    assert "| ncm | 16 | 0 | 8 | 51.1 ± 0.4 | 47.7 to 54.5 |" in two
    assert "- slda and ncm: no difference can be shown (n = 2: the test cannot reach 5 % below 6 pairs" in two
    one = by_orders["abbbbbbbb"]
    assert f"{beats}5 points (95 % interval 4.25 to 4.65, paired over 8 seeds of one order)." in one


@pytest.mark.parametrize("earlier", [False, True])
def test_equal_orders_have_one_number_also_where_the_runs_folders_alone_say_so(
    earlier, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    orders = [""] * 9 if earlier else "aabbabbba"
    text = told(tmp_path, {"slda": HIGH, "ncm": LOW}, orders=orders, trials=16)
    assert ("2 different orders" in text) != earlier
    if earlier:  # it wrote no such key, and each run's identity
        book = json.loads((tmp_path / "parts.json").read_text())
        for part in book["parts"].values():
            del part["stream"]
        (tmp_path / "parts.json").write_text(json.dumps(book))
        for n, order in enumerate("abbabbba", 1):
            for label in ("slda", "ncm"):
                folder = tmp_path / "runs" / f"s-{label}-pair{n}"
                folder.mkdir(parents=True)
                (folder / IDENTITY_FILE).write_text(Identity("r", "c", order, "d").text())
    asked = {"methods": ["slda", "ncm"], "streams": ["digits"], "pairs": 8, "trials": 16}
    study = Study.of("s", StudyRequest.of(asked, "f"))
    result = study_result(study, StudyBook(tmp_path))
    lines = list(csv.DictReader(io.StringIO(pairs_csv(result))))
    orders = {label: [one["order"] for one in lines if one["method"] == label] for label in ("slda", "ncm")}
    assert orders == dict.fromkeys(orders, ["1", "2", "2", "1", "2", "2", "2", "1"])
    assert [one["pair"] for one in lines] == [*"12345678"] * 2
    (stream,) = result.streams
    assert [metric_summary(method, "average").n for method in stream.methods] == [2, 2]
    assert "2 different orders" in stream.about


def test_a_sentence_ends_with_what_a_run_of_both_took(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for label, seconds in (("slda", 12.0), ("ncm", 9.0)):
        for pair in range(1, 9):
            _report(label, pair, {"seconds/train": seconds + pair - 4.5, "seconds/evaluate": 1.0})
    beats = "paired over 8 seeds and orders), for {}."
    text = told(tmp_path, {"slda": HIGH, "ncm": LOW}, trials=16)
    assert beats.format("12 s of training a run of slda and 9 s of ncm") in text
    (tmp_path / "more").mkdir()
    held = {"seconds/train": 3599.0, "seconds/evaluate": 1.0}
    for pair in range(1, 9):
        _report("slda", pair, held | {"gpus": 0.5})
        _report("ncm", pair, held | {"gpus": 0.25})
    text = told(tmp_path / "more", {"slda": HIGH, "ncm": LOW}, trials=16)
    assert beats.format("0.500 GPU-hours a run of slda and 0.250 of ncm") in text
    _report("ncm", 8, {"seconds/evaluate": 1.0})
    (tmp_path / "less").mkdir()
    text = told(tmp_path / "less", {"slda": HIGH, "ncm": LOW}, trials=16)
    assert "paired over 8 seeds and orders)." in text, "one run did not record it"


def _report(label, pair, report):
    trial = Path("runs") / f"s-{label}-pair{pair}" / "trials" / "seed"
    trial.mkdir(parents=True, exist_ok=True)
    (trial / "status.json").write_text(json.dumps({"reports": [report]}))


_FIRST, _SECOND = {"name": "clip-er", "set": {"replay.size": 40}}, {"name": "clip-er"}
_PER_CLASS = {"replay": {"size": 20, "budget": "per_class", "policy": "herding"}}


@pytest.mark.parametrize(
    ("methods", "asked", "rows", "held", "cost"),
    [
        ([_FIRST, _FIRST], {}, ["40", "40"], "40 samples", "40 replayed samples"),
        ([_SECOND, _SECOND], {"memory": 40}, ["40", "40"], "40 samples", "40 replayed samples"),
        ([_SECOND, _SECOND], {"set": {"replay.size": 30}}, ["30", "30"], "30 samples", "30 replayed samples"),
        (
            [_SECOND, _SECOND],
            {"set": _PER_CLASS},
            ["20 a class", "20 a class"],
            "20 samples a class",
            "20 replayed samples a class",
        ),
        ([_FIRST, _SECOND], {"memory": 20}, ["40", "20"], "", ""),
        ([_FIRST, _SECOND], {}, ["40", "searched"], "", ""),
        ([_SECOND, _SECOND], {}, ["searched", "searched"], "", ""),
        ([_FIRST, {"name": "slda"}], {}, ["40", "0"], "40 samples", ""),
        ([{"name": "slda"}, {"name": "slda"}], {}, ["0", "0"], "", ""),
    ],
)
def test_the_memory_that_is_told_is_the_one_that_the_methods_have(tmp_path, methods, asked, rows, held, cost):
    labels = dict(zip("ab", methods, strict=True))
    text = told(tmp_path, {"a": HIGH, "b": LOW}, methods=labels, **asked)
    assert [line.split(" | ")[2] for line in text.splitlines() if line[:4] in ("| a ", "| b ")] == rows
    assert ("Every method with a memory has " in text) is bool(held)
    assert f"(end-of-stream). Every method with a memory has {held}.\n" in text or not held
    (sentence,) = [line for line in text.splitlines() if "a beats b" in line]
    assert sentence.endswith(f"8 seeds and orders), for {cost}." if cost else "8 seeds and orders).")


@pytest.mark.parametrize(
    ("asked", "condition"),
    [
        ({"trials": 4}, "With everyone tuned alike, "),
        ({}, "With 16 trials of slda and 1 of ncm, "),
    ],
)
def test_alike_is_who_was_asked_for_as_many_trials(tmp_path, asked, condition):
    text = told(tmp_path, {"slda": HIGH, "ncm": LOW}, **asked)
    assert f"- {condition}slda beats ncm by " in text
    assert ("tuned alike" in text) is bool(asked)


def test_whoever_failed_was_not_tuned_alike(tmp_path):
    text = told(tmp_path, {"slda": HIGH, "ncm": LOW, "nme": {}}, trials=4, failed=["nme"])
    assert "- With 4 trials each, slda beats ncm by " in text


def test_a_search_that_has_not_grown_yet_was_not_tuned_alike(tmp_path):
    text = told(tmp_path, {"slda": HIGH, "ncm": LOW}, trials=8, grown={"slda": 8, "ncm": 4})
    assert "- With 8 trials of slda and 4 of ncm, slda beats ncm by " in text
    text = told(tmp_path, {"slda": HIGH, "ncm": LOW}, trials=8, grown={"slda": 4, "ncm": 4})
    assert "- With everyone tuned alike, slda beats ncm by " in text
