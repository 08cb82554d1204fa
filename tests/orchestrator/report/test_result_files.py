"""The files of a study's result, for papers and programs."""

import csv
import io
import json

import pytest
from told_study import method, stream, study

from orchestrator.report.pair_result import PairResult
from orchestrator.report.pairs_csv import pairs_csv
from orchestrator.report.result_csv import result_csv
from orchestrator.report.result_json import result_json
from orchestrator.report.result_tex import result_tex

pytestmark = pytest.mark.unit

_LOW = (50.0, 52.0, 51.0, 53.0, 49.0, 50.0, 52.0, 51.0)
_HIGH = tuple(value + 4 + n / 10 for n, value in enumerate(_LOW, 1))


def lines_of(text):
    return list(csv.DictReader(io.StringIO(text)))


def of_pairs(label, *pairs):
    """A method with pairs of any test metrics."""
    found = method(label, ())
    return type(found)(
        **{**vars(found), "pairs": tuple(PairResult(n, n, n, p) for n, p in enumerate(pairs, 1))}
    )


def test_a_line_of_pairs_is_a_methods_run_with_a_pair():
    text = pairs_csv(study(stream(method("slda", _HIGH), method("ncm", _LOW, memory="0"))))
    assert text.splitlines()[0] == (
        "stream,method,pair,seed,order,memory,validation,average,forgetting,replay/items,replay/bytes,"
        "seconds/train,seconds/evaluate"
    )
    assert text.splitlines()[2] == "digits,slda,2,2,2,40,44.0,56.2,4.0,40.0,,3.0,"
    assert [(line["method"], line["pair"]) for line in lines_of(text)] == [
        (label, str(n)) for label in ("slda", "ncm") for n in range(1, 9)
    ]
    assert [float(line["average"]) for line in lines_of(text)] == [*_HIGH, *_LOW], "with every digit"


def test_metrics_of_each_task_kind_and_group_are_in_no_line_and_what_is_missing_is_empty():
    each = (
        "task_01/accuracy",
        "drift/task_02",
        "novel/task_01",
        "ctp/own/task_03/map1",
        "kind/what",
        "group/a",
    )
    has = of_pairs(
        "a", {"average": 1.0, "seen/ece": float("nan"), "b": 2.0, **dict.fromkeys((*each, "cell/a/b"), 3.0)}
    )
    two = study(stream(has), stream(of_pairs("a", {"average": 4.0, "ctp/bwt": 5.0}), title="other"))
    first, second = lines_of(pairs_csv(two))
    assert list(first)[7:-4] == ["average", "b", "seen/ece", "ctp/bwt"]
    assert list(first.values())[7:-4] == ["1.0", "2.0", "", ""] and second["stream"] == "other"
    assert list(second.values())[7:-4] == ["4.0", "", "", "5.0"]


def test_a_line_of_the_leaderboard_is_a_method_and_a_metric():
    found = lines_of(
        result_csv(study(stream(method("slda", _LOW), method("ncm", _LOW[:1]), method("no", ()))))
    )
    assert [(line["method"], line["metric"]) for line in found] == [
        (label, metric)
        for label in ("slda", "ncm")
        for metric in ("average", "forgetting", "replay/items", "seconds/train")
    ]
    assert list(found[0].values())[:8] == ["digits", "slda", "3", "1", "40", "44.0", "average", "8"]
    numbers = [float(found[0][name]) for name in ("mean", "deviation", "low", "high")]
    assert numbers == pytest.approx([51.0, 1.309307, 49.905392, 52.094608])
    assert [found[4][name] for name in ("n", "mean", "deviation", "low", "high")] == ["1", "50.0", "", "", ""]


def test_json_has_summaries_comparisons_and_each_pair():
    told = json.loads(result_json(study(stream(method("slda", _HIGH), method("ncm", _LOW)))))
    assert (told["format"], told["name"], told["question"], told["pairs"]) == (1, "s", "Which is better?", 8)
    (there,) = told["streams"]
    slda = there["methods"][0]
    assert slda["chosen"] == {"method.learning_rate": 0.1} and slda["validation"] == 44.0
    assert slda["summaries"]["average"]["mean"] == pytest.approx(55.45)
    assert [pair["test"]["average"] for pair in slda["pairs"]] == list(_HIGH)
    assert slda["pairs"][1]["matrix"] == [
        [pytest.approx(56.2), 0.0],
        [pytest.approx(56.2), pytest.approx(55.2)],
    ]
    (compared,) = there["comparisons"]
    assert (compared["first"], compared["other"], compared["n"]) == ("slda", "ncm", 8)
    assert (compared["p"], compared["holm_p"], compared["difference"]) == (
        0.0078125,
        0.0078125,
        pytest.approx(4.45),
    )


def test_what_is_no_number_is_null_in_json():
    text = result_json(study(stream(of_pairs("a", {"average": 1.0, "seen/ece": float("nan")}))))
    assert "NaN" not in text
    (pair,) = json.loads(text)["streams"][0]["methods"][0]["pairs"]
    assert pair["test"] == {"average": 1.0, "seen/ece": None} and pair["matrix"] is None
    assert json.loads(text)["streams"][0]["methods"][0]["summaries"]["average"]["deviation"] is None


def test_latex_has_rules_of_booktabs_and_a_row_for_each_method():
    text = result_tex(study(stream(method("slda", _HIGH), method("ncm", _LOW, memory="0"), method("no", ()))))
    rows = [line.strip() for line in text.splitlines()]
    assert [row for row in rows if row.endswith("rule")] == ["\\toprule", "\\midrule", "\\bottomrule"]
    assert "method & memory & $n$ & average & forgetting & slda less it & $p$ (Holm) \\\\" in rows
    assert "slda & 40 & 8 & $55.5 \\pm 1.3$ & $9.0 \\pm 4.9$ & -- & -- \\\\" in rows
    assert "ncm & 0 & 8 & $51.0 \\pm 1.3$ & $9.0 \\pm 4.9$ & $4.5$ ($4.2$ to $4.7$) & $0.008$ \\\\" in rows
    assert "no & 40 & 0 & -- & -- & -- & -- \\\\" in rows
    assert "\\begin{tabular}{lrrrrrr}" in rows and text.count("\\begin{") == text.count("\\end{") == 2


def test_latex_of_one_pair_and_of_one_method_has_no_more_than_there_is():
    text = result_tex(study(stream(method("a", _LOW[:1]))))
    assert "a & 40 & 1 & $50.0$ & $2.0$ \\\\" in text and "Holm" not in text
    both = result_tex(study(stream(method("a", _LOW[:1]), method("b", _HIGH[:1]))))
    assert "$-4.1$ ($\\text{--}$ to $\\text{--}$) & $1.000$" in both


def test_names_are_escaped_in_latex():
    text = result_tex(
        study(stream(method("a_b&{50%}\\x", _LOW), method("#$~^", _LOW)), question="100 %\nof_it?")
    )
    assert "a\\_b\\&\\{50\\%\\}\\textbackslash{}x & 40" in text
    assert "\\#\\$\\textasciitilde{}\\textasciicircum{} & 40" in text
    assert "\\caption{100 \\% of\\_it? digits: About it.}" in text


def test_a_metric_that_is_the_measure_by_another_name_is_shown_once():
    same, other = {"average": 1.0, "seen/accuracy": 1.0 + 1e-14}, {"average": 2.0, "seen/accuracy": 3.0}
    assert "seen/accuracy" not in result_tex(study(stream(of_pairs("a", same))))
    assert "seen/accuracy" in result_tex(study(stream(of_pairs("a", same, other))))
