"""Leaderboards of runs that are in MLflow alone: the folders of the runs are removed beforehand."""

import csv
import io
import json
from pathlib import Path

import pytest
from recorded_runs import Record, trial
from told_study import read_page

from orchestrator import compare
from orchestrator.errors import UserError
from orchestrator.leaderboard import leaderboard as board
from orchestrator.leaderboard.alike import CONDITIONS
from orchestrator.leaderboard.leaderboard import leaderboard
from orchestrator.leaderboard.leaderboard_files import FORMATS
from orchestrator.leaderboard.wanted import Wanted
from orchestrator.report.metric_summary import metric_summary

_ONE = [[80.0, 10.0], [50.0, 90.0]]
_RUNS = Path("runs")
_OTHER = [[60.0, 20.0], [58.0, 70.0]]


pytestmark = pytest.mark.unit


@pytest.fixture
def record(monkeypatch):
    """A record with nothing in it."""
    found = Record()
    monkeypatch.setattr(board, "RecordReader", lambda runs: found)
    return found


@pytest.fixture
def whole(record):
    """er and ewc, each searched and run with pairs; and runs on two other streams."""
    rate = "method.learning_rate"
    searched = [
        trial(0, id="t1", score=50.0, gpus=0.5, values={rate: 0.1}),
        trial(0, id="t2", score=55.0, gpus=0.5, values={rate: 0.0003}),
        trial(0, id="t3", tasks=1, gpus=0.5, values={rate: 9.0}, status="failed"),
    ]
    how = {"kind": "sweep", "best": "t2", "protocol": "first-tasks 2"}
    er = record.run("s-er", "er", searched, values={"replay.size": 40}, **how)
    for seed, figure, matrix in ((1, 60.0, _ONE), (2, 64.0, _OTHER)):
        cost = {"gpus": 0.5, "parameters__trained": 1000.0 * seed, "memory__gpu_bytes": 2e9}
        cost["flops__train"] = 1e12 * seed
        own = trial(seed, {"average": figure, "seen/ece": 3.0}, matrix=matrix, **cost)
        chosen = {"replay.size": 40, rate: 0.0003}
        record.run(f"s-er-pair{seed}", "er", [own], values=chosen, search=f"{er}/t2")
    ewc = record.run("s-ewc", "ewc", searched, **how)
    for seed, figure in ((1, 70.0), (2, 72.0), (3, 80.0)):
        own = trial(seed, figure, matrix=[[1.0, 2.0], [3.0, figure]])
        record.run(f"s-ewc-pair{seed}", "ewc", [own], values={rate: 0.0003}, search=f"{ewc}/t2")
    record.run("old", "er", [trial(1, 90.0)], stream="other", content="")
    record.run("mine", "er", [trial(1, 95.0), trial(2, 97.0, order=1)], stream="third")
    return record


def told(**how):
    """Label -> method, of the one stream that is asked for."""
    (stream,) = leaderboard(_RUNS, Wanted(stream="digits"), **how).streams
    return stream, {method.label: method for method in stream.methods}


def test_a_row_has_mean_interval_trials_and_what_runs_and_searches_took(whole):
    stream, rows = told()
    assert [method.label for method in stream.methods] == ["ewc", "er"], "the best first"
    er = rows["er"]
    found = metric_summary(er, "average")
    assert (found.n, found.mean, found.deviation) == (2, 62.0, pytest.approx(8**0.5))
    assert (found.low, found.high) == pytest.approx((36.5876, 87.4124), abs=1e-3)
    assert (er.trials, er.failed_trials, er.memory, er.score) == (3, 1, "40", 55.0)
    assert er.pairs[0].cost == {
        "replay/bytes": 512.0,
        "parameters/trained": 1000.0,
        "memory/gpu_bytes": 2e9,
        "flops/train": 2e12,
        "seconds/train": 4.0,
        "seconds/evaluate": 2.0,
        "gpu_hours": pytest.approx(0.5 * 6 / 3600),
    }
    assert er.spent == {"seconds": 15.0, "gpu_hours": pytest.approx(0.5 * 15 / 3600)}, "all trials, 5 tasks"
    assert [(pair.number, pair.seed, pair.order, pair.run) for pair in rows["ewc"].pairs] == [
        (n, n, str(n), f"s-ewc-pair{n}/seed_{n}") for n in (1, 2, 3)
    ]
    alike = "stream.content cccccccccccc, protocol first-tasks 2, trials 3, backbone model=small"
    assert f"In all rows: {alike}." in stream.about
    assert "memory is" not in stream.about, "a method without a memory may stand beside any"


def test_what_an_earlier_version_did_not_record_is_blank(whole):
    (stream,) = leaderboard(_RUNS, Wanted(stream="other")).streams
    (er,) = stream.methods
    assert (er.trials, er.score, er.spent) == (None, None, {})
    assert "Not recorded: stream.content, protocol, trials." in stream.about
    (mine,) = leaderboard(_RUNS, Wanted(stream="third")).streams
    assert mine.methods[0].trials == 0 and "protocol none, values were given" in mine.about


def test_runs_of_one_order_are_independent_and_several_orders_count_once(record):
    grid = [trial(s, 10.0 * o + s, order=o, id=f"t{s}{o}") for s in (1, 2) for o in (1, 2, 3)]
    record.run("grid", "er", grid)
    record.run("one", "ewc", [trial(s, 10.0 + s, order=1) for s in (1, 2, 3)])
    (stream,) = leaderboard(_RUNS, Wanted()).streams
    er, ewc = (metric_summary(method, "average") for method in stream.methods)
    assert (er.n, er.mean, er.deviation) == (3, 21.5, 10.0), "means of orders: 11.5, 21.5, 31.5"
    assert (ewc.n, ewc.mean, ewc.deviation) == (3, 12.0, 1.0)
    heads, first, second = (
        [cell.strip() for cell in line.split("|")[1:-1]]
        for line in FORMATS["md"](leaderboard(_RUNS, Wanted())).splitlines()
        if line.startswith(("| method | mean", "| er | 21", "| ewc | 12"))
    )
    row = [dict(zip(heads, cells, strict=True)) for cells in (first, second)]
    assert [(one["n"], one["runs"]) for one in row] == [("3", "6"), ("3", "3")]


@pytest.mark.parametrize(
    ("name", "how", "said"),
    [
        ("memory", {"values": {"replay.size": 200}}, "memory is 40 (er) and 200 (mma)"),
        ("backbone", {"values": {"method.backbone.model": "base"}},
         "backbone is model=small (er) and model=base (mma)"),
        ("stream", {"content": "d" * 64}, "stream.content is cccccccccccc (er) and dddddddddddd (mma)"),
        ("stream", {"values": {"stream.tasks": 10}}, "stream.tasks is 5 (er) and 10 (mma)"),
        ("trials", {"search": "more/t1"}, "trials is 1 (er) and 2 (mma)"),
        ("protocol", {"search": "first/t1"}, "protocol is end-of-stream (er) and first-tasks 2 (mma)"),
    ],
)  # fmt: skip
def test_what_was_not_run_alike_is_refused_in_one_line(name, how, said, record, capsys):
    for sweep, count, protocol in (("all", 1, "end-of-stream"), ("more", 2, "end-of-stream"),
                                   ("first", 1, "first-tasks 2")):  # fmt: skip
        found = [trial(0, id=f"t{n}", values={"method.rate": n}) for n in range(1, count + 1)]
        record.run(sweep, "er", found, kind="sweep", best="t1", protocol=protocol)
    given = {"values": {"replay.size": 40}, "search": "all/t1"}
    record.run("a", "er", [trial(1, 50.0)], **given)
    values = {**given["values"], **how.get("values", {})}
    record.run("b", "mma", [trial(1, 60.0)], **{**given, **how, "values": values})
    assert compare.main(["--record"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line == (
        f"error: digits: not run alike: {said}; allowed: --allow {name}, or fewer rows by --methods, --runs "
        "or --where"
    )
    assert compare.main(["--record", "--allow", name]) == 0
    assert f"Not run alike, as was allowed: {said}." in capsys.readouterr().out
    others = [one for one in CONDITIONS if one != name]
    assert compare.main(["--allow", *others]) == 2, "the others do not allow it"
    assert compare.main(["--allow", "all"]) == 0
    assert compare.main(["--methods", "mma"]) == 0, "nothing is beside it"


def test_two_searches_with_a_budget_are_not_alike_to_one_and_a_budget_is_none_of_trials(record, capsys):
    for sweep, count, budget in (("one", 2, "2h"), ("two", 3, "2h"), ("three", 4, "2h"), ("four", 2, "")):
        found = [trial(0, id=f"t{n}") for n in range(1, count + 1)]
        record.run(sweep, "er", found, kind="sweep", best="t1", protocol="end-of-stream", budget=budget)
    given = {"values": {"replay.size": 40}}
    record.run("a", "er", [trial(1, 50.0)], search="one/t1", **given)
    record.run("b", "mma", [trial(1, 60.0)], search="two/t1", **given)
    assert compare.main(["--record"]) == 0, "2h each, whatever trials they came to"
    record.run("c", "mma", [trial(2, 61.0)], search="three/t1", **given)
    assert compare.main(["--record"]) == 2
    assert "trials is 2h (er) and 2h and 2h (mma)" in capsys.readouterr().err
    record.run("d", "ncm", [trial(1, 61.0)], search="four/t1", **given)
    assert compare.main(["--record", "--methods", "er", "ncm"]) == 2
    assert "trials is 2h (er) and 2 (ncm)" in capsys.readouterr().err


def test_runs_are_chosen_by_method_name_and_value(whole):
    def labels(**wanted):
        found = leaderboard(_RUNS, Wanted(**wanted), allowed=CONDITIONS)
        return {s.title: [(m.label, len(m.pairs)) for m in s.methods] for s in found.streams}

    assert labels(methods=("ewc",)) == {"digits": [("ewc", 3)]}
    assert labels(runs=("s-*-pair1",)) == {"digits": [("ewc", 1), ("er", 1)]}
    assert labels(where={"replay.size": "40.0"}) == {"digits": [("er", 2)]}
    assert labels(stream="other") == {"other": [("er", 1)]}
    # What is named beside others is not left out without a word.
    with pytest.raises(UserError, match="^--methods no: no tested run in the store; "):
        labels(methods=("ewc", "no"))
    with pytest.raises(UserError, match=r"^--methods ewc --runs gone\*: no tested run in the store; "):
        labels(methods=("ewc", "er"), runs=("s-*-pair1", "gone*"), where={"replay.size": "40.0"})
    said = r"^--methods no: no tested run in the store; there are the streams digits, other, third and "
    with pytest.raises(UserError, match=f"{said}the methods er, ewc$"):
        labels(methods=("no",))


def test_a_metric_that_was_not_logged_is_computed_from_the_matrix(whole, monkeypatch, tmp_path):
    stream, rows = told(metrics=["worst_task"])
    assert stream.measure == "worst_task" and list(rows) == ["er", "ewc"], "the first metric ranks"
    assert rows["er"].figures("worst_task") == {1: 50.0, 2: 58.0}
    (tmp_path / "ours_cm.py").write_text("def first(matrix):\n    return matrix[0, 0]\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert told(metrics=["ours_cm:first"])[1]["er"].figures("ours_cm:first") == {1: 80.0, 2: 60.0}
    logged = told(metrics=["average", "learning_accuracy"])[1]["er"]
    assert logged.figures("average") == {1: 60.0, 2: 64.0}, "what was logged counts"
    assert logged.figures("learning_accuracy") == {1: 85.0, 2: 65.0}
    assert told()[1]["er"].pairs[0].matrix is None
    assert told(page=True)[1]["er"].pairs[0].matrix.tolist() == _ONE


@pytest.mark.parametrize(
    ("stream", "name", "said"),
    [
        ("digits", "no/such", r"--metric no/such: no run on digits logged it; allowed: average, seen/ece; "
         r"from the matrix unweighted_average, .*worst_task, .*; or module:function"),
        ("digits", "no_module_cm:f", r"--metric no_module_cm:f: No module named 'no_module_cm'; allowed: "),
        ("digits", "math:pi", "--metric math:pi: is a float; allowed: a function of a matrix"),
        ("digits", "math:sqrt", r"--metric math:sqrt: TypeError \(.*\) for a matrix of shape \(2, 2\)"),
        ("other", "worst_task", r"--metric worst_task: other: no run has a matrix it can be had from "
         r"\(old/seed_1: no test/matrix.csv in the record"),
    ],
)  # fmt: skip
def test_a_metric_that_cannot_be_had_is_refused(stream, name, said, whole):
    with pytest.raises(UserError, match=said) as caught:
        leaderboard(_RUNS, Wanted(stream=stream), metrics=[name])
    assert "\n" not in str(caught.value)


_NEEDS = "; it needs more tasks, or an entry that was not measured"


@pytest.mark.parametrize(
    ("name", "runs", "said"),
    [
        ("forgetting", 2, f"all 2 runs that have it{_NEEDS}"),
        ("forgetting", 1, f"the one run that has it{_NEEDS}"),
        ("seen/ece", 2, "all 2 runs that have it"),
        ("nan_cm:f", 2, "all 2 runs that have it"),
    ],
)  # fmt: skip
def test_a_metric_that_is_finite_in_no_run_is_refused_for_that(
    name, runs, said, record, monkeypatch, tmp_path
):
    (tmp_path / "nan_cm.py").write_text("def f(matrix):\n    return float('inf')\n")
    monkeypatch.syspath_prepend(tmp_path)
    test = {"average": 50.0, "seen/ece": float("nan")}
    record.run("a", "er", [trial(seed, test, matrix=[[50.0]]) for seed in range(1, runs + 1)])
    with pytest.raises(UserError) as caught:
        leaderboard(_RUNS, Wanted(), metrics=[name])
    assert str(caught.value) == f"--metric {name}: digits: is not finite in {said}"


def test_what_does_not_count_is_named(record):
    found = [trial(0, 90.0, id="t1", score=1.0, values={"method.x": 1}),
             trial(0, 50.0, id="t2", score=2.0, values={"method.x": 2})]  # fmt: skip
    record.run("grown", "er", found, kind="sweep", best="t2")
    record.run("a", "ewc", [trial(1, 10.0)], search="grown/t2")
    record.run("b", "ewc", [trial(1, 20.0), trial(2, 99.0, status="failed")], search="grown/t2")
    result = leaderboard(_RUNS, Wanted())
    figures = {m.label: list(m.figures("average").values()) for m in result.streams[0].methods}
    assert figures == {"er": [50.0], "ewc": [20.0]}
    assert result.remarks == (
        "left out: grown/t1: its sweep was given more trials, of which t2 is chosen",
        "left out: b/seed_2: its status is failed, not finished",
        "left out: a/seed_1, in whose place b/seed_1 counts: all is equal, seed and order too, and it ended "
        "later",
    )


def test_all_formats_are_written(whole, tmp_path, capsys):
    where = ["--stream", "digits", "--out", str(tmp_path / "new" / "out")]
    assert compare.main([*where, "--metric", "average", "worst_task"]) == 0
    printed, out = capsys.readouterr().out, tmp_path / "new" / "out"
    assert {path.name for path in out.iterdir()} == {
        "leaderboard.html", "leaderboard.md", "leaderboard.tex", "leaderboard.csv", "leaderboard.json",
        "leaderboard-runs.csv",
    }  # fmt: skip
    assert (out / "leaderboard.md").read_text() == printed
    lines = printed.splitlines()
    assert lines[4] == (
        "| method | mean | 95 % interval | n | memory | validation | trials | search seconds | "
        "search GPU-hours |"
    )
    assert lines[7] == "| er | 62.0 ± 2.8 | 36.6 to 87.4 | 2 | 40 | 55.0 | 3, 1 failed | 15 | 0.002 |"
    heads = [line for line in lines if line.startswith("| method | worst task")]
    assert heads == [
        "| method | worst task | seen/ece | bytes kept | seconds/train | seconds/evaluate | "
        "trained parameters | peak GPU memory | training FLOPs | GPU-hours |"
    ]
    took = "512 B | 4.0 ± 0.0 | 2.0 ± 0.0"
    assert f"| er | 54.0 ± 5.7 | 3.0 ± 0.0 | {took} | 1,500 | 2.0 GB | 3.0 TFLOPs | 0.001 |" in lines
    assert any(line.startswith("| ewc |") and line.endswith("| – | – | – | 0.000 |") for line in lines)
    tex = (out / "leaderboard.tex").read_text()
    assert "% Made by: python -m orchestrator.compare --stream digits --out" in tex
    assert (
        "\\toprule" in tex and "er & 40 & 2 & $62.0 \\pm 2.8$ & $54.0 \\pm 5.7$ & 36.6 to 87.4 & 512 B" in tex
    )
    assert "2.0 GB & 3.0 TFLOPs & 4.0 $\\pm$ 0.0 & 0.001 & 3, 1 failed & 15 & 0.002 \\\\" in tex
    rows = list(csv.DictReader(io.StringIO((out / "leaderboard.csv").read_text())))
    found = {(row["method"], row["metric"]): row for row in rows}
    assert len(found) == len(rows) and float(found["er", "search/seconds"]["mean"]) == 15.0
    assert float(found["er", "flops/train"]["mean"]) == 3e12 and ("ewc", "flops/train") not in found
    assert found["ewc", "average"]["n"] == "3" and float(found["ewc", "average"]["mean"]) == 74.0
    there = json.loads((out / "leaderboard.json").read_text())["streams"][0]["methods"][1]
    assert there["pairs"][0]["run"] == "s-er-pair1/seed_1" and there["pairs"][0]["matrix"] == _ONE
    assert there["spent"]["seconds"] == 15.0 and there["pairs"][1]["cost"]["flops/train"] == 4e12
    costs = read_page((out / "leaderboard.html").read_text()).tables["costs"]
    assert [row[costs[0].index("training FLOPs")] for row in costs] == ["training FLOPs", "–", "3.0 TFLOPs"]
    runs = list(csv.DictReader(io.StringIO((out / "leaderboard-runs.csv").read_text())))
    assert [row["flops/train"] for row in runs] == ["", "", "", "2000000000000.0", "4000000000000.0"]
    assert [(row["method"], row["seed"], row["gpu_hours"] != "") for row in runs] == [
        ("ewc", "1", True), ("ewc", "2", True), ("ewc", "3", True), ("er", "1", True), ("er", "2", True),
    ]  # fmt: skip


@pytest.mark.parametrize("shape", ["tex", "csv", "json"])
def test_the_other_formats_can_be_printed(shape, whole, capsys):
    assert compare.main(["--stream", "digits", "--format", shape]) == 0
    out = capsys.readouterr().out
    begins = {"tex": "% Made by: python", "csv": "stream,method,trials", "json": '{\n "format": 1'}
    assert out.startswith(begins[shape])


def test_a_value_without_a_key_is_refused(capsys):
    assert compare.main(["--where", "replay.size"]) == 2
    said = "error: --where replay.size: allowed is KEY=VALUE, such as replay.size=200\n"
    assert capsys.readouterr().err == said


def test_a_record_of_nothing_says_so(record, capsys):
    assert compare.main(["--record"]) == 2
    said = "error: the store: no tested run in the record; a sweep, or train, makes one\n"
    assert capsys.readouterr().err == said


def test_a_metric_that_a_run_logged_is_not_computed_again(record):
    logged = {"average": 60.0, "learning_accuracy": 5.0}
    record.run("a", "er", [trial(1, logged, matrix=_ONE), trial(2, 60.0, matrix=_ONE)])
    (stream,) = leaderboard(_RUNS, Wanted(), metrics=["learning_accuracy"]).streams
    assert stream.methods[0].figures("learning_accuracy") == {1: 5.0, 2: 85.0}
