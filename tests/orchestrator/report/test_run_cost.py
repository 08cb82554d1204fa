"""What a run took, from its reports; and how tables show it."""

import pytest
from told_study import stream

from orchestrator.report.leaderboard_rows import leaderboard_rows
from orchestrator.report.method_result import MethodResult
from orchestrator.report.metric_rows import metric_rows
from orchestrator.report.metric_summary import metric_summary
from orchestrator.report.pair_result import PairResult
from orchestrator.report.result_md import result_md
from orchestrator.report.run_cost import run_cost
from orchestrator.report.study_result import StudyResult

pytestmark = pytest.mark.unit

_FIRST = {"replay/items": 5, "replay/bytes": 50, "parameters/trained": 30, "memory/gpu_bytes": 9.0,
          "gpus": 2.0, "seconds/train": 100.0, "seconds/evaluate": 20.0}  # fmt: skip
_LAST = {"replay/items": 9, "replay/bytes": 90, "parameters/trained": 10, "memory/gpu_bytes": 7.0,
         "gpus": 0.5, "seconds/train": 40.0, "seconds/evaluate": 8.0}  # fmt: skip


def test_memory_is_the_last_parameters_the_most_and_seconds_the_sum():
    assert run_cost([_FIRST, _LAST]) == {
        "replay/items": 9.0,
        "replay/bytes": 90.0,
        "parameters/trained": 30.0,
        "memory/gpu_bytes": 9.0,
        "seconds/train": 140.0,
        "seconds/evaluate": 28.0,
        # a run that went on elsewhere held another number of GPUs
        "gpu_hours": pytest.approx((2 * 120 + 0.5 * 48) / 3600),
    }
    assert run_cost([]) == {}


def test_what_some_task_did_not_report_is_left_out():
    old = {name: value for name, value in _FIRST.items() if name.startswith(("replay", "seconds"))}
    found = run_cost([old, _LAST])
    assert set(found) == {"replay/items", "replay/bytes", "seconds/train", "seconds/evaluate"}
    assert "seconds/train" not in run_cost([{"replay/items": 1}, _LAST])


def test_flops_are_summed_over_the_tasks_that_took_steps():
    closed = {**_LAST, "parameters/trained": 0}
    assert run_cost([{**_FIRST, "flops/train": 2e9}, {**_LAST, "flops/train": 1e9}])["flops/train"] == 3e9
    assert run_cost([{**_FIRST, "flops/train": 2e9}, closed])["flops/train"] == 2e9
    assert "flops/train" not in run_cost([closed, closed]), "a closed form has none, which is not 0"
    assert "flops/train" not in run_cost([_FIRST, {**_LAST, "flops/train": 1e9}]), "an earlier version's task"


def method(label, costs, **more):
    pairs = [PairResult(n, n, n, {"average": 50.0 + n}, cost) for n, cost in enumerate(costs, 1)]
    return MethodResult(label, more.pop("trials", 2), 0, "0", tuple(pairs), **more)


def test_amounts_have_their_units_and_hours_without_a_gpu_are_left_out():
    cost = {
        "parameters/trained": 1234567.0,
        "memory/gpu_bytes": 2.5e9,
        "flops/train": 3e15,
        "gpu_hours": 0.25,
    }
    heads, row, closed = metric_rows(stream(method("a", [cost, cost]), method("b", [{"gpu_hours": 0.5}])))
    assert heads == ["method", "trained parameters", "peak GPU memory", "training FLOPs", "GPU-hours"]
    assert row == ["a", "1,234,567", "2.5 GB", "3.0 PFLOPs", "0.250"]
    assert closed == ["b", "–", "–", "–", "0.500"]
    assert metric_rows(stream(method("a", [{"gpu_hours": 0.0}]))) == []


def test_trials_that_nobody_recorded_are_a_dash_and_what_searches_took_has_columns():
    known = method("a", [{}], trials=3, spent={"seconds": 90.4, "gpu_hours": 0.0125})
    heads, first, second = leaderboard_rows(stream(known, method("b", [{}], trials=None)))
    assert heads[-3:] == ["trials", "search seconds", "search GPU-hours"]
    assert (first[-3:], second[-3:]) == (["3", "90", "0.013"], ["–", "–", "–"])
    assert leaderboard_rows(stream(method("b", [{}])))[0][-1] == "trials"


def test_runs_that_share_an_order_are_one_figure():
    runs = [PairResult(n, seed, order, {"average": value}) for n, (seed, order, value) in enumerate(
        [(1, 1, 10.0), (2, 1, 20.0), (1, 2, 31.0), (2, 2, 31.0)])]  # fmt: skip
    told = MethodResult("a", 1, 0, "0", tuple(runs))
    assert (metric_summary(told, "average").n, metric_summary(told, "average").mean) == (2, 23.0)
    heads, row = leaderboard_rows(stream(told))
    assert (
        dict(zip(heads, row, strict=True))["n"] == "2" and dict(zip(heads, row, strict=True))["runs"] == "4"
    )


def test_a_leaderboard_in_markdown_escapes_what_would_end_a_cell():
    told = StudyResult("", "", 0, "", (stream(method("a|b", [{}]), unread=("x: gone",)),), ("left out: y",))
    lines = result_md(told).splitlines()
    assert "| a\\|b | 51.0 | – | 1 | 0 | – | 2 |" in lines
    assert "- x: gone" in lines and lines[-1] == "- left out: y"
