"""A record whose folder was moved, copied or mounted elsewhere is found where it lies now."""

import os
import shutil
import sqlite3

import pytest
from mlflow import MlflowClient
from other_user import ATTACKER, as_user, give, needs_open_packages, needs_root

from orchestrator.errors import UserError
from orchestrator.storage.identity import Identity
from orchestrator.storage.run_files import IDENTITY_FILE
from orchestrator.tracking import Tracker
from orchestrator.tracking.__main__ import main
from orchestrator.tracking.moved_record import record_where_it_lies
from orchestrator.tracking.resend import resend
from orchestrator.tracking.sender import Sender

_EXPERIMENT = "m on s"


@pytest.fixture(autouse=True)
def own_database(monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


def _record(runs, *trials):
    """Makes the record of a sweep with these trials, each with a file. Returns what the delivery said."""
    tracker = Tracker(runs / "s", None, _EXPERIMENT, "s")
    tracker.start({}, {})
    for name in trials:
        file = runs / "s" / "trials" / name / "config.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(name)
        tracker.trial_start(name, {})
        tracker.artifact(name, file)
        tracker.task(name, 1, {"validation/average": 50.0})
        tracker.trial_end(name, "finished")
    tracker.finish("finished")
    return tracker.close()


def _files(runs):
    """The text of each artifact below ``runs``, wherever its run keeps it."""
    return sorted(path.read_text() for path in (runs / "artifacts").rglob("config.yaml"))


def _finished(runs):
    client = MlflowClient(f"sqlite:///{runs / 'mlflow.db'}")
    found = client.search_runs([client.get_experiment_by_name(_EXPERIMENT).experiment_id])
    return {run.data.tags.get("trial", ""): (run.info.status, len(run.data.metrics)) for run in found}


def test_a_moved_runs_folder_is_recorded_where_it_lies_and_nothing_is_made_where_it_lay(
    tmp_path, with_tables
):
    old, new = with_tables(tmp_path / "a") / "runs", tmp_path / "b" / "runs"
    assert _record(old, "one").message == ""
    shutil.move(tmp_path / "a", tmp_path / "b")
    assert _record(new, "two").message == ""
    assert _files(new) == ["one", "two"] and not (tmp_path / "a").exists()
    # MLflow itself, which reads the addresses that it wrote down, finds both.
    client = MlflowClient(f"sqlite:///{new / 'mlflow.db'}")
    experiment = client.get_experiment_by_name(_EXPERIMENT)
    assert experiment.artifact_location == (new / "artifacts").as_uri()
    listed = {
        run.data.tags.get("trial", ""): [file.path for file in client.list_artifacts(run.info.run_id)]
        for run in client.search_runs([experiment.experiment_id])
    }
    assert listed == {"": [], "one": ["config.yaml"], "two": ["config.yaml"]}


def test_what_a_moved_runs_folder_was_sent_is_not_sent_again(tmp_path, with_tables, capsys):
    assert _record(with_tables(tmp_path / "a") / "runs", "one").sent == 7
    shutil.move(tmp_path / "a", tmp_path / "b")
    assert main(["send", str(tmp_path / "b" / "runs" / "s")]) == 0
    assert capsys.readouterr().out.startswith("0 records sent to sqlite:///")


def test_a_copys_artifacts_go_to_the_copy(tmp_path, with_tables):
    runs, copy = with_tables(tmp_path / "a") / "runs", tmp_path / "b" / "runs"
    _record(runs, "one")
    shutil.copytree(runs, copy)
    assert _record(copy, "two").message == ""
    assert (_files(runs), _files(copy)) == (["one"], ["one", "two"])
    assert _finished(runs).keys() == {"", "one"} and _finished(copy)["two"] == ("FINISHED", 1)


@needs_root
@needs_open_packages
def test_a_copy_in_another_account_is_recorded_whole(tmp_path_factory, with_tables):
    root = tmp_path_factory.mktemp("accounts")
    for place in (root, *root.parents[:3]):
        place.chmod(0o755)
    (root / "alice").mkdir()
    runs, copy = with_tables(root / "alice") / "runs", root / "bob" / "runs"
    _record(runs, "one")
    shutil.copytree(runs, copy)
    give(root / "bob", ATTACKER)
    (root / "alice").chmod(0o700)
    said = as_user(ATTACKER, lambda: _record(copy, "two", "three"))
    assert "message=''" in said, said
    assert _files(copy) == ["one", "three", "two"]
    assert _finished(copy) == {"": ("FINISHED", 0), **dict.fromkeys(("one", "two", "three"), ("FINISHED", 1))}


def test_the_same_folder_by_another_way_and_a_place_of_ones_own_choice_are_left_as_they_are(
    tmp_path, with_tables
):
    runs = with_tables(tmp_path) / "runs"
    link, chosen = tmp_path / "link", tmp_path / "disk" / "artifacts"
    link.symlink_to(runs)
    chosen.mkdir(parents=True)
    client = MlflowClient(f"sqlite:///{runs / 'mlflow.db'}")
    places = {
        "linked": (link / "artifacts").as_uri(),
        "chosen": chosen.as_uri(),
        "other name": (tmp_path / "gone" / "mlruns").as_uri(),
        "bucket": "s3://bucket/artifacts",
        "server": "mlflow-artifacts:/artifacts",
    }
    for name, place in places.items():
        client.create_experiment(name, place)
    record_where_it_lies(runs / "mlflow.db")
    assert {e.name: e.artifact_location for e in client.search_experiments() if e.name in places} == places


def test_no_database_and_one_without_tables_are_left_as_they_are(tmp_path):
    record_where_it_lies(tmp_path / "mlflow.db")
    assert not (tmp_path / "mlflow.db").exists()
    sqlite3.connect(tmp_path / "mlflow.db").close()
    record_where_it_lies(tmp_path / "mlflow.db")


def test_artifacts_of_a_place_that_is_not_here_are_set_aside_and_the_place_is_not_made(tmp_path, with_tables):
    runs, away = with_tables(tmp_path) / "runs", tmp_path / "away" / "mlruns"
    client = MlflowClient(f"sqlite:///{runs / 'mlflow.db'}")
    client.create_experiment(_EXPERIMENT, (away / "7").as_uri())
    summary = _record(runs, "one", "two")
    assert (summary.unsent, summary.rejected) == (0, 2)
    why = f"its artifacts lie in {away / '7'}, which is not on this machine"
    assert f"artifact of one: {why}" in summary.message
    assert not away.parent.exists() and set(_finished(runs).values()) == {("FINISHED", 0), ("FINISHED", 1)}
    away.mkdir(parents=True)
    assert resend(runs / "s").rejected == []
    assert sorted(path.read_text() for path in away.rglob("config.yaml")) == ["one", "two"]


def test_a_record_that_an_earlier_version_began_beside_the_folder_is_sent_from_where_it_lies(
    tmp_path, with_tables, capsys
):
    runs = with_tables(tmp_path) / "runs"
    _record(runs, "one")
    journal = runs / "s" / "tracking.jsonl"
    gone = f"sqlite:///{tmp_path}/gone/runs/mlflow.db"
    journal.write_text(journal.read_text().replace('"store":"mlflow.db"', f'"store":"{gone}"'))
    assert main(["send", str(runs / "s")]) == 0
    os.makedirs(tmp_path / "gone" / "runs")
    (tmp_path / "gone" / "runs" / "mlflow.db").touch()  # it may be meant
    assert main(["send", str(runs / "s")]) == 2
    assert f"was last sent to '{gone}'" in capsys.readouterr().err


def test_a_copy_beside_its_run_is_not_gone_on_with_and_a_renamed_run_is(tmp_path, monkeypatch):
    monkeypatch.setattr(Sender, "_work", lambda self: None)
    folder = tmp_path / "x"
    folder.mkdir()
    identity = Identity.new("c", "s")
    (folder / IDENTITY_FILE).write_text(identity.text())
    Tracker(folder, None, _EXPERIMENT, "x", identity.run).start({}, {})
    shutil.copytree(folder, tmp_path / "y")
    before = (tmp_path / "y" / "tracking.jsonl").read_text()
    with pytest.raises(
        UserError, match=f"{tmp_path}/y: is a copy of {tmp_path}/x, the same run; allowed: --re"
    ):
        Tracker(tmp_path / "y", None, _EXPERIMENT, "y", identity.run)
    assert (tmp_path / "y" / "tracking.jsonl").read_text() == before
    Tracker(folder, None, _EXPERIMENT, "x", identity.run)
    shutil.rmtree(folder)
    Tracker(tmp_path / "y", None, _EXPERIMENT, "y", identity.run).start({}, {})
    shutil.copytree(tmp_path / "y", folder)  # as which it was begun once
    with pytest.raises(UserError, match=f"{tmp_path}/x: is a copy of {tmp_path}/y"):
        Tracker(folder, None, _EXPERIMENT, "x", identity.run)
    (folder / IDENTITY_FILE).write_text(Identity.new("c", "s").text())  # another run took the name
    Tracker(tmp_path / "y", None, _EXPERIMENT, "y", identity.run)
