"""The numbers that the comparison's pictures show."""

import numpy as np
import pytest
from written_run import write_run

from orchestrator import compare
from orchestrator.errors import UserError
from orchestrator.evaluation.tables import write_matrix
from orchestrator.record import plots
from orchestrator.record.comparison.finished_runs import read_runs


@pytest.fixture
def drawn(monkeypatch):
    """What is drawn: matrices with their titles, curves by picture, and trials by method."""
    found = {"matrices": [], "names": [], "curves": {}, "titles": [], "trials": {}}

    def curves(path, given, ylabel, title):
        found["curves"][path.name] = [(c.label, c.seeds, c.style) for c in given]
        found["titles"].append((title, ylabel))

    def matrices(path, matrix, names, title):
        found["matrices"].append((matrix, title))
        found["names"].append(names)

    monkeypatch.setattr(plots, "matrix_heatmap", matrices)
    monkeypatch.setattr(plots, "averages_over_tasks", curves)
    monkeypatch.setattr(
        plots, "trials_by_method", lambda path, trials, xlabel, title: found["trials"].update(trials)
    )
    return found


def test_a_groups_matrix_is_the_mean_over_its_seeds(tmp_path, drawn):
    matrices = [[[60.0, 10.0], [40.0, 80.0]], [[90.0, 20.0], [10.0, 50.0]]]
    for seed, matrix in enumerate(matrices):
        write_run(tmp_path, "r", f"s{seed}", seed=seed, test=1.0, matrix=matrix)
    # Of the same group, and not looked at.
    write_run(tmp_path, "r", "s2", seed=2)
    compare.compare(tmp_path)
    ((shown, title),) = drawn["matrices"]
    assert shown.tolist() == [[75.0, 15.0], [25.0, 65.0]]
    assert title == "ctp, 2 runs, on shapes:\nmean accuracy on test (%)"
    # After each task, over the tasks so far, of each seed: what a band is drawn of.
    assert drawn["curves"] == {"shapes-test.png": [("ctp, 2 runs", [[60.0, 60.0], [90.0, 30.0]], 0)]}


def test_tasks_are_named_by_their_place_where_orders_are_averaged(tmp_path, drawn):
    for number, names in enumerate((["a", "b"], ["b", "a"])):
        trial = write_run(tmp_path, f"r{number}", "t", test=1.0, values={"stream.order": number},
                          content=("c" * 64, f"{number}" * 64))  # fmt: skip
        write_matrix(trial / "test" / "matrix.csv", np.array([[70.0, 5.0], [60.0, 40.0]]), names)
    compare.compare(tmp_path / "r0")
    compare.compare(tmp_path)
    assert drawn["names"] == [["a", "b"], ["task 1", "task 2"]]


def test_curves_are_of_the_best_group_of_each_method(tmp_path, drawn):
    for number in range(12):
        values = {"method.learning_rate": 0.001 * (number + 1), "replay.size": 8}
        write_run(tmp_path, "c", f"t{number:02d}", values=values, averages=[99.0, 50.0 + number], test=1.0)
    write_run(tmp_path, "f", "t", method="finetune", averages=[99.0, 10.0], test=90.0)
    compare.compare(tmp_path)
    (curves,) = drawn["curves"].values()
    assert [(label, style) for label, _, style in curves] == [
        ("ctp, memory 8, 1 run", 0),
        ("finetune, 1 run", 1),
    ]
    assert [title for _, title in drawn["matrices"]] == [
        f"{label}, on shapes:\nmean accuracy on test (%)"
        for label in ("ctp, memory 8, 1 run", "finetune, 1 run")
    ]


def test_groups_of_one_label_have_a_curve_each(tmp_path, drawn):
    """Streams of two lengths, whose groups are alike but for it."""
    for tasks in (1, 2):
        values, content = {"stream.tasks": tasks}, f"{tasks}" * 64
        matrix = np.full((tasks, tasks), 10.0 * tasks)
        write_run(tmp_path, f"r{tasks}", "t", values=values, content=content, test=1.0, matrix=matrix)
    compare.compare(tmp_path)
    assert drawn["curves"] == {
        "shapes-test.png": [("ctp, 1 run", [[10.0]], 0)],
        "shapes-2-test.png": [("ctp, 1 run", [[20.0, 20.0]], 0)],
    }


def test_search_trials_are_apart_from_those_that_were_tested(tmp_path, drawn):
    for trial, average, test in (("a", 40.0, None), ("b", 60.0, 33.0), ("c", 50.0, None)):
        values = {"method.learning_rate": average}
        write_run(tmp_path, "s", trial, values=values, averages=[average], test=test)
    write_run(tmp_path, "s", "d", values={"method.learning_rate": 1.0}, averages=[99.0], status="stopped")
    compare.compare(tmp_path)
    assert drawn["trials"] == {"ctp": plots.Trials([50.0, 40.0], [60.0], 0)}


def test_where_nothing_was_tested_curves_are_validations(tmp_path, drawn):
    for trial, seed, averages in (("a", 0, [80.0, 40.0]), ("b", 1, [70.0, 60.0]), ("c", 2, [])):
        reports = [{"task": t, "validation/seen/r_mean": v} for t, v in enumerate(averages, 1)]
        reports = reports or [{"task": 1}]
        write_run(tmp_path, "s", trial, seed=seed, reports=reports)
    compare.compare(tmp_path)
    assert drawn["curves"] == {"shapes-validation.png": [("ctp, 2 runs", [[80.0, 40.0], [70.0, 60.0]], 0)]}
    assert drawn["titles"] == [
        ("shapes, validation: each method's best group, none tested", "R_m over all tasks so far (%)")
    ]


def test_commits_of_methods_are_said(tmp_path, drawn):
    for method in ("er", "ctp"):
        write_run(tmp_path, method, "t", method=method, commit=method * 20, test=1.0)
    compare.compare(tmp_path)
    ((title, _),) = drawn["titles"]
    assert title == "shapes, test: each method's best group on validation; commits ctpctpctpc, ererererer"


def test_matrices_of_unequal_streams_are_not_averaged(tmp_path, drawn):
    write_run(tmp_path, "r", "a", seed=0, test=1.0, matrix=np.eye(2))
    write_run(tmp_path, "r", "b", seed=1, test=1.0, matrix=np.eye(3))
    with pytest.raises(UserError, match="b/test/matrix.csv: 3 tasks, but 2 in .*a/test/matrix.csv"):
        compare.compare(tmp_path)


def test_a_trial_that_did_not_finish_is_counted_and_nothing_of_it_is_read(tmp_path, drawn):
    write_run(tmp_path, "s", "whole", averages=[50.0, 40.0])
    stopped = write_run(tmp_path, "s", "stopped", averages=[99.0], seed=1, status="stopped", test=99.0)
    (stopped / "tasks.jsonl").write_text('{"task": 1, "vali')  # it was cut off while it wrote
    runs = {run.folder.name: run for run in read_runs(tmp_path)}
    assert runs["stopped"].test is None and runs["stopped"].tasks == []
    text = compare.compare(tmp_path)
    assert "shapes: 1 finished; left out: 1 stopped" in text and "99.00" not in text and "40.00" in text
    assert drawn["curves"] == {"shapes-validation.png": [("ctp, 1 run", [[50.0, 40.0]], 0)]}


def test_a_method_and_a_stream_of_ones_own_have_pictures_by_plain_names(tmp_path, drawn, monkeypatch):
    matrices = []
    monkeypatch.setattr(plots, "matrix_heatmap", lambda path, *_: matrices.append(path.name))
    for seed in range(2):
        method, stream = "mypkg.mymethod:Mine", "mypkg.mystream:MyStream"
        write_run(tmp_path, "r", f"s{seed}", seed=seed, test=1.0, method=method, stream=stream)
    text = compare.compare(tmp_path)
    assert text.startswith("mypkg.mystream:MyStream: 2 ") and "mypkg.mymethod:Mine" in text
    assert matrices == ["mypkg.mystream.MyStream-matrix-mypkg.mymethod.Mine.png"]
    assert list(drawn["curves"]) == ["mypkg.mystream.MyStream-test.png"]


def test_runs_of_other_code_of_ones_own_are_not_averaged(tmp_path, drawn):
    for seed, own in enumerate(("aaaaaaaaaa", "bbbbbbbbbb")):
        write_run(tmp_path, f"r{seed}", "s", seed=seed, test=1.0, method="mypkg.mymethod:Mine")
        journal = tmp_path / f"r{seed}" / "tracking.jsonl"
        tag = f'"git.dirty": "false", "code.own": "{own}"'
        assert '"git.dirty": "false"' in journal.read_text()
        journal.write_text(journal.read_text().replace('"git.dirty": "false"', tag))
    commits = ["cccccccccc/aaaaaaaaaa", "cccccccccc/bbbbbbbbbb"]
    assert [run.commit for run in read_runs(tmp_path)] == commits
    said = f"of several commits, which are not averaged: {commits[0]} (1), {commits[1]} (1)"
    assert said in " ".join(compare.compare(tmp_path).split())
