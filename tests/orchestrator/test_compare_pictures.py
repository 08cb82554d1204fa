"""The numbers that the comparison's pictures show, and what its tables leave out."""

import json

import numpy as np
import pytest
import yaml

from orchestrator import compare, plots
from orchestrator.errors import UserError


def _write(runs, trial, *, averages, rate=0.001, seed=0, status="finished", test=None, matrix=None):
    folder = runs / "sweep" / "trials" / trial
    folder.mkdir(parents=True)
    config = {
        "method": {"name": "ctp", "learning_rate": rate},
        "stream": {"name": "shapes"},
        "run": {"seed": seed},
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    rows = [{"task": t, "validation/average": value} for t, value in enumerate(averages, 1)]
    (folder / "tasks.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "status.json").write_text(json.dumps({"status": status, "reason": ""}))
    if test is not None:
        (folder / "test").mkdir()
        (folder / "test" / "metrics.json").write_text(json.dumps(test))
    if matrix is not None:
        plots.write_matrix(folder / "test" / "matrix.csv", matrix, ["a", "b", "c"][: len(matrix)])
    return folder


@pytest.fixture
def drawn(monkeypatch):
    """What is drawn: matrices with their titles, and curves by label."""
    found = {"matrices": [], "curves": {}}
    monkeypatch.setattr(
        plots, "matrix_heatmap", lambda path, matrix, names, title: found["matrices"].append((matrix, title))
    )
    monkeypatch.setattr(
        plots, "averages_over_tasks", lambda path, curves, label, title: found["curves"].update(curves)
    )
    return found


def test_a_groups_matrix_is_the_mean_over_its_seeds(tmp_path, drawn):
    matrices = [np.array([[60.0, 10.0], [40.0, 80.0]]), np.array([[90.0, 20.0], [10.0, 50.0]])]
    for seed, matrix in enumerate(matrices):
        _write(tmp_path, f"s{seed}", averages=[1, 2], seed=seed, test={"test/average": 1.0}, matrix=matrix)
    # Of the same group, and not looked at.
    _write(tmp_path, "s2", averages=[1, 2], seed=2)
    compare.compare(tmp_path)
    ((shown, title),) = drawn["matrices"]
    assert shown.tolist() == [[75.0, 15.0], [25.0, 65.0]]
    assert title == "ctp, test, 2 seeds"


def test_the_average_is_drawn_of_the_ten_that_end_best(tmp_path, drawn):
    for number in range(12):
        rate, averages = 0.001 * (number + 1), [100.0 - number, 10.0 + number]
        _write(tmp_path, f"t{number:02d}", averages=averages, rate=rate)
    compare.compare(tmp_path)
    expected = {
        f"ctp learning_rate={0.001 * (number + 1):.4g}": [[100.0 - number, 10.0 + number]]
        for number in range(11, 1, -1)
    }
    assert drawn["curves"] == expected and list(drawn["curves"]) == list(expected), "the best first"


def test_matrices_of_unequal_streams_are_not_averaged(tmp_path, drawn):
    test = {"test/average": 1.0}
    _write(tmp_path, "a", averages=[1, 2], seed=0, test=test, matrix=np.eye(2))
    _write(tmp_path, "b", averages=[1, 2], seed=1, test=test, matrix=np.eye(3))
    with pytest.raises(UserError, match="b/test/matrix.csv: 3 tasks, but 2 in .*a/test/matrix.csv"):
        compare.compare(tmp_path)


def test_a_trial_that_did_not_finish_is_counted_and_nothing_of_it_is_read(tmp_path, drawn):
    _write(tmp_path, "whole", averages=[50.0, 40.0])
    stopped = _write(
        tmp_path, "stopped", averages=[99.0], seed=1, status="stopped", test={"test/average": 99.0}
    )
    (stopped / "tasks.jsonl").write_text('{"task": 1, "vali')  # it was cut off while it wrote
    runs = {run.folder.name: run for run in compare.read_runs(tmp_path)}
    assert runs["stopped"].test is None and runs["stopped"].tasks == []
    text = compare.compare(tmp_path)
    assert "shapes: 1 stopped, 1 finished" in text and "99.00" not in text and "40.00" in text
    assert drawn == {"matrices": [], "curves": {"ctp": [[50.0, 40.0]]}}


def test_a_metric_that_a_seed_lacks_is_the_mean_of_the_others(tmp_path):
    for seed, forgetting in ((0, 10.0), (1, None), (2, 30.0)):
        test = {"test/average": 50.0 + seed} | ({} if forgetting is None else {"test/forgetting": forgetting})
        _write(tmp_path, f"s{seed}", averages=[1.0], seed=seed, test=test)
    groups = compare.group_runs(compare.read_runs(tmp_path))
    (row,) = compare.table(groups, "test", markdown=True).splitlines()[2:]
    assert row == "| ctp | 3 | 51.00 ± 1.00 | 20.00 ± 14.14 |"


def test_validation_figures_are_those_after_the_last_task(tmp_path):
    _write(tmp_path, "a", averages=[90.0, 70.0, 50.0], test={"test/average": 33.0})
    groups = compare.group_runs(compare.read_runs(tmp_path))
    assert compare.table(groups, "validation").splitlines()[1].split() == ["ctp", "1", "50.00"]
    assert compare.table(groups, "test").splitlines()[1].split() == ["ctp", "1", "33.00"]


def test_of_equal_runs_that_were_tested_the_later_counts(tmp_path):
    for name, value in (("a", 1.0), ("b", 2.0)):
        _write(tmp_path, name, averages=[value], test={"test/average": value})
    (group,) = compare.group_runs(compare.read_runs(tmp_path))
    assert [run.test for run in group.runs] == [{"test/average": 2.0}]
