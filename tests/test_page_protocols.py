"""docs/reports/protocols.md says what the pairs and the trials of its studies give."""

import csv
import runpy
from pathlib import Path

import pytest

from orchestrator.statistics.paired_comparison import compare_pairs
from orchestrator.study.study_request import StudyRequest

_ROOT = Path(__file__).parents[1]
_STUDIES = _ROOT / "docs" / "reports" / "studies"
_PAGE = (_ROOT / "docs" / "reports" / "protocols.md").read_text("utf-8")
_TOLD = " ".join(_PAGE.split())
_BOTH = ("digits", "digits_first2")
_REPLAY = ("clip-er", "clip-derpp", "clip-icarl")


def _figures(study):
    with open(_STUDIES / f"{study}.csv", newline="", encoding="utf-8") as opened:
        found = {}
        for row in csv.DictReader(opened):
            found.setdefault(row["method"], []).append(float(row["seen/accuracy"]))
        return found


def _rank(figures, method):
    means = sorted((sum(own) / len(own) for own in figures.values()), reverse=True)
    return means.index(sum(figures[method]) / len(figures[method])) + 1


def test_the_table_is_what_its_command_prints():
    script = runpy.run_path(str(_ROOT / "benchmarks" / "protocols.py"))
    read = script["figures"]
    printed = script["lines"](*(read(_STUDIES / f"{name}.csv", "seen/accuracy") for name in _BOTH))
    table = [line for line in printed if line.startswith("| ")][2:]
    assert len(table) == 14 and all(f"{row}\n" in _PAGE for row in table)
    assert any(line.endswith(": 0.88") for line in printed) and "is 0.88 over 14 methods" in _TOLD
    assert any(line.endswith(": 0.99 and 0.98") for line in printed)
    assert "is 0.99 under the first protocol and 0.98 under the second" in _TOLD


def test_what_is_said_of_methods_is_what_the_pairs_give():
    first, second = map(_figures, _BOTH)
    assert (_rank(first, "clap4clip"), _rank(second, "clap4clip")) == (4, 10)
    assert all(compare_pairs(first["clap4clip"], first[other]).difference > 0 for other in _REPLAY)
    below = [compare_pairs(second["clap4clip"], second[other]) for other in _REPLAY]
    assert max(one.difference for one in below) == pytest.approx(-26.2, abs=0.05)
    assert {f"{one.p:.3f}" for one in below} == {"0.002"} and {one.n for one in below} == {10}
    for other in ("clip-er", "clip-derpp"):
        one = compare_pairs(second["clip-icarl"], second[other])
        assert not one.shows(one.p)
        said = f"{one.difference:.1f} points, {one.low:.1f} to {one.high:.1f}, p {one.p:.2f}"
        assert f"`{other}` ({said})" in _TOLD
    gain = compare_pairs(second["clip-icarl"], first["clip-icarl"]).difference
    assert f"iCaRL gains {gain:.1f} points" in _TOLD


def test_the_orders_are_told_as_the_pairs_have_them():
    both = [_figures(name) for name in _BOTH]
    assert max(max(own) - min(own) for study in both for own in study.values()) == pytest.approx(
        17.5, abs=0.05
    )
    rows = [line for line in _PAGE.partition("least, most")[2].splitlines() if line.startswith("| c")]
    for row in rows:
        method, *cells = row.strip("| ").split(" | ")
        assert cells == [f"{min(study[method]):.1f}, {max(study[method]):.1f}" for study in both]
    assert len(rows) == 5
    same = {method for method, own in both[0].items() if max(own) - min(own) < 1e-9}
    assert same == {"ncm", "nme", "slda", "zero-shot"}
    assert "`ncm`, `nme`, `slda` and `zero-shot` end with the same accuracy" in _PAGE


def test_what_two_tasks_would_choose_among_the_same_trials():
    walked, tried, tied = {}, set(), []
    with open(_STUDIES / "digits_trials.csv", newline="", encoding="utf-8") as opened:
        for row in csv.DictReader(opened):
            if row["study"] == "digits" and row["task 5"]:
                walked.setdefault(row["method"], []).append((float(row["task 2"]), float(row["task 5"])))
            elif row["study"] == "digits_first2" and row["method"] == "clap4clip":
                tied += [float(row["task 2"])] if row["task 2"] else []
    lost = {}
    for method, trials in walked.items():
        if len(trials) > 1:
            tried.add(method)
            best = max(after_two for after_two, _ in trials)
            lost[method] = max(end for _, end in trials) - max(e for two, e in trials if two == best)
    losing = {method: round(value, 1) for method, value in lost.items() if value > 0}
    assert losing == {"mma": 7.0, "clip-lwf": 2.1} and lost["clap4clip"] == 0
    assert (len(tried) - len(losing), len(tried)) == (9, 11)
    spread = {}
    for method, trials in walked.items():
        best = max(after_two for after_two, _ in trials)
        ends = [end for after_two, end in trials if after_two == best]
        spread[method] = max(ends) - min(ends)
    assert {method for method, apart in spread.items() if apart > 0} == {"clip-ewc", "clip-icarl", "slda"}
    assert round(max(spread.values()), 1) == 8.4 and "end up to 8.4 points apart" in _TOLD
    assert "nine of the eleven searches" in _TOLD and sorted(tied)[-3:] == [75.0] * 3


def test_the_files_of_studies_whose_trials_were_stopped_name_the_rule():
    with open(_STUDIES / "digits_trials.csv", newline="", encoding="utf-8") as opened:
        stopped = {row["study"] for row in csv.DictReader(opened) if row["status"] == "stopped"}
    assert stopped == set(_BOTH)
    for study in (*_BOTH, "recognition", "questions"):
        assert StudyRequest.read(_STUDIES / f"{study}.yaml").scheduler == "asha", "the default was it then"
