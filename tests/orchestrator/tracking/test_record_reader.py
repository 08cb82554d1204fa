"""The record in MLflow, read with no run's folder at hand."""

import shutil
import sqlite3
from contextlib import closing

import pytest
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag

from orchestrator import compare
from orchestrator.errors import UserError
from orchestrator.tracking import Tracker, in_order
from orchestrator.tracking.record_reader import RecordReader

_TRIALS = "tags.kind = 'trial'"


@pytest.fixture
def recorded(runs):
    """A runs folder whose record has a run of one trial, recorded by a tracker whose folder is gone."""
    tracker = Tracker(runs / "first", None, "er on digits", "first", run="ab12")
    tracker.start({"method.name": "er"}, {"stream": "digits"}, kind="train", own_tags={"search": "cd34/t1"})
    tracker.trial_start("seed_1", {"method.name": "er", "run.seed": 1})
    for task, seconds in ((1, 5.0), (2, 7.0)):
        tracker.task("seed_1", task, in_order({"tasks": task, "seconds/train": seconds}))
    tracker.task("seed_1", 2, in_order({"test/average": 60.0, "test/seen/ece": 3.0}))
    file = runs / "first" / "matrix.csv"
    file.write_text("after,a\na,60.0\n")
    tracker.artifact("seed_1", file, "test")
    tracker.trial_end("seed_1", "finished")
    tracker.finish("finished")
    assert tracker.close().message == ""
    shutil.rmtree(runs / "first")
    return runs


def test_a_run_has_its_names_metrics_history_and_files(recorded):
    reader = RecordReader(recorded)
    (trial,) = reader.runs(_TRIALS)
    assert (trial.run, trial.trial, trial.name) == ("ab12", "seed_1", "first")
    assert trial.params == {"method.name": "er", "run.seed": "1"} and trial.tags["status"] == "finished"
    assert trial.metrics == {"tasks": 2, "seconds/train": 7.0, "test/average": 60.0, "test/seen/ece": 3.0}
    assert reader.history(trial, "seconds/train") == {1: 5.0, 2: 7.0}
    assert reader.history(trial, "gpus") == {}, "of a metric that it has not"
    assert reader.text(trial, "test/matrix.csv") == "after,a\na,60.0\n"
    with pytest.raises(LookupError, match=r"^first/seed_1: no test/none.csv in the record \("):
        reader.text(trial, "test/none.csv")
    assert reader.data(trial, "test/matrix.csv") == b"after,a\na,60.0\n"
    assert [one.trial for one in reader.of("ab12")] == ["", "seed_1"]
    assert reader.of("ab12")[0].tags["search"] == "cd34/t1" and reader.of("a%") == []


def test_runs_of_others_and_removed_ones_are_none_and_a_task_counts_as_it_was_last(recorded):
    client = MlflowClient(f"sqlite:///{recorded}/mlflow.db")
    other = client.create_run(client.create_experiment("somebody's"))
    client.log_batch(other.info.run_id, tags=[RunTag("kind", "trial")], params=[Param("method.name", "x")])
    (trial,) = RecordReader(recorded).runs(_TRIALS)
    client.log_batch(trial.id, metrics=[Metric("walk/seconds/train", 6.0, 2**42, 1)])
    assert RecordReader(recorded).history(trial, "seconds/train") == {1: 6.0, 2: 7.0}
    client.delete_run(trial.id)
    assert RecordReader(recorded).runs(_TRIALS) == []


def test_a_copied_record_finds_its_files_beside_itself(recorded, tmp_path):
    shutil.copytree(recorded, tmp_path / "there")
    shutil.rmtree(recorded)
    reader = RecordReader(tmp_path / "there")
    assert reader.text(*reader.runs(_TRIALS), "test/matrix.csv").startswith("after,a")


def test_a_store_is_named_by_the_environment(recorded, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{recorded}/mlflow.db")
    assert len(RecordReader(tmp_path / "none").runs(_TRIALS)) == 1


@pytest.mark.unit
def test_what_is_no_record_is_one_line_and_nothing_is_made(tmp_path, monkeypatch, capsys):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert compare.main([str(tmp_path / "none"), "--record"]) == 2
    assert capsys.readouterr().err == (
        f"error: {tmp_path}/none/mlflow.db: there is no record; allowed: a folder with mlflow.db in it, or a "
        "store's address in MLFLOW_TRACKING_URI\n"
    )
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "mlflow.db").write_text("no database at all")
    assert compare.main([str(tmp_path), "--record"]) == 2
    said = f"error: {tmp_path}/mlflow.db: is no database of MLflow (file is not a database)\n"
    assert capsys.readouterr().err == said


def test_an_error_of_the_store_is_one_line_without_a_password(recorded, monkeypatch):
    reader = RecordReader(recorded)
    with pytest.raises(UserError, match=r"the record cannot be read \(Invalid clause") as caught:
        reader.runs("nonsense")
    assert "\n" not in str(caught.value)
    reader._uri, reader.store = "http://me:secret@host", "http://host"
    monkeypatch.setattr(reader, "_search", lambda _: _fail("http://me:secret@host is gone"))
    with pytest.raises(UserError, match=r"^http://host: the record cannot be read \(http://host is gone\)$"):
        reader.runs(_TRIALS)


def _fail(words):
    raise OSError(words)


@pytest.mark.unit
@pytest.mark.parametrize("tables", ["", "CREATE TABLE mine (x)"])
def test_a_database_of_something_else_is_refused_and_stays_as_it_is(tables, tmp_path, monkeypatch, capsys):
    file = tmp_path / "mlflow.db"
    file.touch()
    if tables:
        with closing(sqlite3.connect(file)) as connection, connection:
            connection.execute(tables)
    before = file.read_bytes()
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert compare.main([str(tmp_path), "--record"]) == 2
    said = f"error: {file}: is no database of MLflow; allowed: one that runs were recorded in\n"
    assert capsys.readouterr().err == said and file.read_bytes() == before


def test_runs_that_began_in_one_millisecond_come_by_their_names(recorded, monkeypatch):
    search = RecordReader._search

    def trials_first(self, condition):
        found = list(search(self, condition))
        for run in found:
            run.info._start_time = 5
        return iter(sorted(found, key=lambda run: "mlflow.parentRunId" not in run.data.tags))

    monkeypatch.setattr(RecordReader, "_search", trials_first)
    assert [one.trial for one in RecordReader(recorded).of("ab12")] == ["", "seed_1"]
