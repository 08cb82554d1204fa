"""A record counts as sent only where the store has it."""

import json
import shutil
import time

import pytest
from mlflow import MlflowClient
from mlflow.entities import ViewType
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.local_artifact_repo import LocalArtifactRepository

from orchestrator.tracking import Tracker
from orchestrator.tracking.__main__ import main
from orchestrator.tracking.journal import Journal
from orchestrator.tracking.sent_marks import Mark, SentMarks

_EXPERIMENT = "m on s"
_ALL = {"": "FINISHED", "one": "FINISHED", "two": "FINISHED"}


def _open(runs):
    tracker = Tracker(runs / "s", None, _EXPERIMENT, "s")
    tracker.start({"a": 1}, {})
    return tracker


def _trial(tracker, runs, name):
    file = runs / "s" / "trials" / name / "config.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(name)
    tracker.trial_start(name, {})
    for task in (1, 2):
        tracker.task(name, task, {"validation/average": 50.0 - task})
    tracker.artifact(name, file)
    tracker.trial_end(name, "finished")


def _wait(tracker):
    """Waits until the store has everything, and has noted so."""
    journal, store = tracker._journal, tracker._delivery.store
    while journal.unsent(store) or journal.noted(store) != journal.sent(store):
        time.sleep(0.01)


def _record(runs, *names):
    tracker = _open(runs)
    for name in names:
        _trial(tracker, runs, name)
    tracker.finish("finished")
    return tracker.close()


def _client(runs):
    return MlflowClient(f"sqlite:///{runs / 'mlflow.db'}")


def _runs(runs, view=ViewType.ACTIVE_ONLY):
    client = _client(runs)
    experiment = client.get_experiment_by_name(_EXPERIMENT)
    found = client.search_runs([experiment.experiment_id], "", view)
    named = {run.data.tags.get("trial", ""): run for run in found}
    assert len(named) == len(found), "a run is there twice"
    return named


def _statuses(runs):
    return {name: run.info.status for name, run in _runs(runs).items()}


def _points(runs, name):
    history = _client(runs).get_metric_history(_runs(runs)[name].info.run_id, "validation/average")
    return [(point.step, point.value) for point in history]


def _replace(runs, name):
    """Replaces the record's database by another one in the same file, which this process has open."""
    shutil.copyfile(runs / name, runs / "mlflow.db")


def test_an_emptied_store_is_sent_the_whole_journal(runs):
    assert _record(runs, "one").message == ""
    _replace(runs, "other.db")
    summary = _record(runs, "two")
    assert (summary.unsent, summary.rejected) == (0, 0)
    assert "it lacked part of what it had been sent; that was sent again" in summary.message
    assert _statuses(runs) == _ALL
    assert _points(runs, "one") == _points(runs, "two") == [(1, 49.0), (2, 48.0)]


def test_an_emptied_store_is_sent_the_whole_journal_by_send(runs, capsys):
    _record(runs, "one", "two")
    assert main(["send", str(runs / "s")]) == 0
    assert capsys.readouterr().out.startswith("0 records sent")
    _replace(runs, "other.db")
    assert main(["send", str(runs / "s")]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].endswith(": it lacked part of what it had been sent; that was sent again")
    assert said[1].startswith("13 records sent to ")
    assert _statuses(runs) == _ALL


def test_a_store_that_was_put_back_from_a_copy_is_sent_what_came_after_the_copy(runs, capsys):
    _record(runs, "one")
    shutil.copy(runs / "mlflow.db", runs / "copy.db")
    tracker = _open(runs)
    tracker.task("one", 3, {"validation/average": 10.0})  # of a run that the copy has
    tracker.finish("finished")
    assert tracker.close().message == ""
    _replace(runs, "copy.db")
    assert _points(runs, "one") == [(1, 49.0), (2, 48.0)]
    assert main(["send", str(runs / "s")]) == 0
    assert "\n3 records sent" in capsys.readouterr().out
    assert _points(runs, "one") == [(1, 49.0), (2, 48.0), (3, 10.0)]


def test_a_run_that_was_removed_for_good_is_made_again(runs):
    _record(runs, "one", "two")
    store = _client(runs)._tracking_client.store
    gone = _runs(runs)["one"].info.run_id
    _client(runs).delete_run(gone)
    store._hard_delete_run(gone)
    assert main(["send", str(runs / "s")]) == 0
    assert _statuses(runs) == _ALL and _points(runs, "one") == [(1, 49.0), (2, 48.0)]


def test_a_deleted_experiment_and_deleted_runs_are_restored_and_said(runs, capsys):
    _record(runs, "one", "two")
    client = _client(runs)
    for name in ("one", ""):
        client.delete_run(_runs(runs)[name].info.run_id)
    assert main(["send", str(runs / "s")]) == 0
    assert ": 2 run(s) had been deleted there; they were restored\n0 records sent" in capsys.readouterr().out
    assert _statuses(runs) == _ALL
    client.delete_experiment(client.get_experiment_by_name(_EXPERIMENT).experiment_id)
    assert main(["send", str(runs / "s")]) == 0
    said = capsys.readouterr().out
    assert f": the experiment '{_EXPERIMENT}' had been deleted there; it was restored" in said
    assert _statuses(runs) == _ALL and client.get_experiment_by_name(_EXPERIMENT).lifecycle_stage == "active"


@pytest.mark.parametrize("what", ["experiment", "run", "sweep"])
def test_what_is_deleted_while_the_sweep_runs_is_restored_and_nothing_is_lost(runs, what):
    tracker = _open(runs)
    _trial(tracker, runs, "one")
    _wait(tracker)
    client = _client(runs)
    if what == "experiment":
        client.delete_experiment(client.get_experiment_by_name(_EXPERIMENT).experiment_id)
    else:
        client.delete_run(_runs(runs)["one" if what == "run" else ""].info.run_id)
    tracker.task("one", 3, {"validation/average": 10.0})
    _trial(tracker, runs, "two")
    tracker.finish("finished")
    summary = tracker.close()
    assert (summary.unsent, summary.rejected) == (0, 0)
    assert "restored" in summary.message
    assert _statuses(runs) == _ALL and _points(runs, "one")[2] == (3, 10.0)


def test_a_database_that_is_removed_while_the_sweep_runs_is_said_and_sent_whole_later(runs, capsys):
    tracker = _open(runs)
    _trial(tracker, runs, "one")
    _wait(tracker)
    (runs / "mlflow.db").unlink()
    _trial(tracker, runs, "two")
    tracker.finish("finished")
    summary = tracker.close()
    assert summary.unsent == 13
    assert "mlflow.db was removed or replaced while it was written to" in summary.message
    assert "send them with: python -m orchestrator.tracking send" in summary.message


@pytest.mark.parametrize(
    "error",
    [PermissionError(13, "Permission denied"), MlflowException("the bucket is away"), TimeoutError("slow")],
    ids=["not allowed", "refused", "late"],
)
def test_a_file_that_cannot_be_put_holds_nothing_up_is_said_and_tried_again(runs, error, monkeypatch, capsys):
    put = LocalArtifactRepository.log_artifact

    def closed(self, path, subdir=None):
        if "one" in path:
            raise error
        put(self, path, subdir)

    monkeypatch.setattr(LocalArtifactRepository, "log_artifact", closed)
    summary = _record(runs, "one", "two")
    assert (summary.sent, summary.unsent, summary.rejected) == (12, 0, 1)
    assert "did not take 1 record(s), the first: artifact of one: " in summary.message
    assert _statuses(runs) == _ALL and _points(runs, "two") == [(1, 49.0), (2, 48.0)]
    assert main(["send", str(runs / "s")]) == 1
    said = capsys.readouterr()
    assert said.out.startswith("0 records sent") and said.err.startswith("refused: artifact of one: ")
    monkeypatch.undo()
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert main(["send", str(runs / "s")]) == 0
    said = capsys.readouterr()
    assert said.out.startswith("1 records sent") and said.err == ""
    assert [file.path for file in _client(runs).list_artifacts(_runs(runs)["one"].info.run_id)] == [
        "config.yaml"
    ]


def test_files_of_an_experiment_that_a_server_keeps_are_set_aside_and_named_once(runs):
    _client(runs).create_experiment(_EXPERIMENT, "mlflow-artifacts:/1")
    summary = _record(runs, "one", "two")
    assert (summary.unsent, summary.rejected) == (0, 2)
    assert summary.message.count("\n") == 0 and summary.message.count("artifact of ") == 1
    assert _statuses(runs) == _ALL and _points(runs, "one") == _points(runs, "two")


@pytest.mark.parametrize(
    "text", ["", "[]", "7", '{"format": 2}', '{"format": 2, "stores": {"a": 1}}', '{"a": "x"}']
)
def test_marks_that_a_death_cut_short_say_nothing_and_are_made_anew(tmp_path, text):
    marks = SentMarks(tmp_path)
    (tmp_path / "tracking.sent.json").write_text(text)
    assert marks.of("a") == Mark()
    marks.set("a", Mark(7, (3,), 5))
    assert marks.of("a") == SentMarks(tmp_path).of("a") == Mark(7, (3,), 5)


def test_marks_of_an_earlier_version_are_read(tmp_path):
    own = f"sqlite:///{tmp_path / 'mlflow.db'}"
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "tracking.sent.json").write_text(json.dumps({"http://host": 12, own: 9}))
    journal = Journal(tmp_path / "s")
    assert (journal.sent("http://host"), journal.sent(own), journal.sent("other")) == (12, 9, 0)
    journal.mark_sent("http://host", 20)
    assert (journal.sent("http://host"), journal.sent(own)) == (20, 9)
