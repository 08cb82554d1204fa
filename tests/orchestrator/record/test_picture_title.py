"""What a run's own pictures are called."""

import numpy as np
import pytest
from written_run import write_run

from orchestrator.evaluation.tables import Table
from orchestrator.record import figure_worker, plots
from orchestrator.record.picture_title import run_title, score_title

_MATRIX = np.array([[70.0, np.nan], [60.0, 41.0]])


@pytest.fixture
def titles(monkeypatch):
    found = {}
    monkeypatch.setattr(
        plots, "matrix_heatmap", lambda path, matrix, names, title: found.update({path.name: title})
    )
    monkeypatch.setattr(plots, "loss_curves", lambda path, *rest: found.update({path.name: rest[-1]}))
    monkeypatch.setattr(plots, "drift_over_tasks", lambda path, *rest: found.update({path.name: rest[-1]}))
    monkeypatch.setattr(
        plots, "table_heatmap", lambda path, table, **how: found.update({path.name: how["title"]})
    )
    return found


@pytest.mark.parametrize(("key", "score"), [("r_mean", "R_m"), ("accuracy", "accuracy"), ("other", "score")])
def test_a_runs_own_pictures_say_method_stream_and_score(tmp_path, titles, key, score):
    reports = [{"task": t, f"validation/task_00/{key}": 60.0} for t in (1, 2)]
    trial = write_run(
        tmp_path, "r", "t", seed=3, reports=reports, test={f"test/task_00/{key}": 1.0}, matrix=_MATRIX
    )
    (trial / "curves.csv").write_text("task,phase,step,term,value\n0,train,0,ita,1.0\n")
    tables = {"groups": Table(np.ones((2, 1)), ["one", "two"], ["animal"])}
    figure_worker._draw_trial(trial, _MATRIX, ["one", "two"], _MATRIX, tables)
    title = "ctp on shapes, seed 3"
    assert titles == {
        "matrix.png": f"{title}:\n{score} on validation, 50.5 % on average in the end",
        "curves.png": f"{title}: terms of the loss",
        "drift.png": f"{title}: angle between texts and pictures, validation",
        "groups.png": f"{title}: accuracy on validation",
    }
    figure_worker._draw_test(trial / "test")
    assert titles["matrix.png"] == f"{title}:\n{score} on test, 50.5 % on average in the end"


def test_the_record_gets_the_table_of_checkpoints_where_there_is_one(tmp_path, titles):
    trial = write_run(tmp_path, "r", "t", test={"test/average": 1.0}, matrix=_MATRIX)
    names = [path.name for path in figure_worker._draw_test(trial / "test")]
    assert names == ["matrix.csv", "matrix.png"]
    (trial / "test" / "checkpoints.csv").write_text("tasks up to,R_m\n")
    assert trial / "test" / "checkpoints.csv" in figure_worker._draw_test(trial / "test")


def test_the_record_gets_the_predictions_unless_they_are_large(tmp_path, titles, monkeypatch):
    trial = write_run(tmp_path, "r", "t", test={"test/average": 1.0}, matrix=_MATRIX)
    (trial / "test" / "predictions.npz").write_bytes(b"1234")
    monkeypatch.setattr(figure_worker, "LOGGED_BYTES", 4)
    assert figure_worker._draw_test(trial / "test")[-1] == trial / "test" / "predictions.npz"
    monkeypatch.setattr(figure_worker, "LOGGED_BYTES", 3)
    names = [path.name for path in figure_worker._draw_test(trial / "test")]
    assert names == ["matrix.csv", "matrix.png"]


def test_a_folder_that_says_nothing_is_called_by_its_name(tmp_path):
    trial = tmp_path / "trial_0001"
    assert (
        run_title(trial) == "trial_0001" and score_title(trial, "test", np.empty((0, 2))) == "score on test"
    )
    stopped = np.array([[70.0, np.nan]])
    assert score_title(trial, "test", stopped) == "score on test, 70.0 % on average after 1 of 2 tasks"
    trial.mkdir()
    for text in ("method: [\n", "7\n", "method: {name: ctp}\n"):
        (trial / "config.yaml").write_text(text)
        assert run_title(trial) == "trial_0001"
    for text in ("{", "7", '{"reports": []}'):
        (trial / "status.json").write_text(text)
        assert (
            score_title(trial, "validation", _MATRIX) == "score on validation, 50.5 % on average in the end"
        )
