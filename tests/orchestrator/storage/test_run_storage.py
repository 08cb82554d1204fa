"""What a run sends to its storage and fetches from it, and in which order."""

import json

import pytest

from orchestrator.errors import UserError
from orchestrator.storage import trial_files
from orchestrator.storage.identity import Identity
from orchestrator.storage.run_files import IDENTITY_FILE
from orchestrator.storage.run_storage import RunStorage
from orchestrator.storage.url_folder import Storage

_ONE, _OTHER = Identity("1" * 32, "c" * 64, "s" * 64), Identity("2" * 32, "c" * 64, "s" * 64)
_TRIAL = "trials/trial_0001"


@pytest.fixture
def run(tmp_path):
    """An empty folder of a run, and its storage, which is the run's own."""
    folder = tmp_path / "runs" / "s"
    folder.mkdir(parents=True)
    (folder / IDENTITY_FILE).write_text(_ONE.text())
    kept = RunStorage(Storage(f"file://{tmp_path}/store"), folder)
    _ONE.claim(kept.storage, new=True)
    return folder, kept


@pytest.fixture
def order(monkeypatch):
    """The names of files, in the order in which they are sent and fetched."""
    found, put, get = [], Storage.put, Storage.get
    monkeypatch.setattr(
        Storage, "put", lambda self, local, name: (found.append(name), put(self, local, name))
    )
    monkeypatch.setattr(
        Storage, "get", lambda self, name, local: (found.append(name), get(self, name, local))[1]
    )
    return found


def _write(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps({"of": name}))


def test_a_trials_status_goes_last_and_comes_last_and_nothing_goes_twice(run, order, tmp_path):
    folder, kept = run
    _write(
        folder, *(f"{_TRIAL}/{name}" for name in ("status.json", "tasks.jsonl", "trial.json", "zeros.csv"))
    )
    kept.push("trial_0001")
    assert sorted(order) == sorted(set(order)) and order[-1] == f"{_TRIAL}/status.json" and len(order) == 4
    kept.push("trial_0001")
    assert len(order) == 4
    (folder / _TRIAL / "zeros.csv").write_text("other")
    kept.push("trial_0001")
    assert order[4:] == [f"{_TRIAL}/zeros.csv"]
    order.clear()
    RunStorage(kept.storage, tmp_path / "elsewhere" / "s").restore("s")
    assert order[-1] == f"{_TRIAL}/status.json" and len(order) == 5


def test_pictures_are_kept_in_both_kinds_and_predictions_of_a_look_at_test(run, tmp_path):
    folder, kept = run
    names = [f"{_TRIAL}/{place}matrix.{kind}" for place in ("", "test/") for kind in ("png", "pdf")]
    names.append(f"{_TRIAL}/test/predictions.npz")
    _write(folder, *names, f"{_TRIAL}/trial.json", f"{_TRIAL}/status.json")
    kept.push("trial_0001")
    RunStorage(kept.storage, tmp_path / "elsewhere" / "s").restore("s")
    assert [name for name in names if not (tmp_path / "elsewhere" / "s" / name).exists()] == []
    for name in names[2:]:
        (folder / name).unlink()
    kept.pull("trial_0001")
    assert [name for name in names if not (folder / name).exists()] == []


def test_a_pull_brings_the_newest_state_and_last_what_vouches_for_a_look_at_test(run, order, tmp_path):
    folder, kept = run
    for task in (0, 1):
        state = {"reports": [{"task": k + 1} for k in range(task + 1)]}
        kept.trial("trial_0001").write(f"checkpoints/task_{task + 1:02d}/state.json", json.dumps(state))
        kept.trial("trial_0001").write(f"checkpoints/task_{task + 1:02d}/curves.csv", f"curves of {task}")
    for name in ("metrics.json", "a.csv", "z.csv"):
        kept.trial("trial_0001").write(f"test/{name}", '{"test/average": 4.0}')
    kept.trial("trial_0001").write("tries.jsonl", "what a task chose among")
    kept.pull("trial_0001")
    place = folder / _TRIAL
    assert [report["task"] for report in trial_files.reports_in(place)] == [1, 2]
    assert (place / "curves.csv").read_text() == "curves of 1"
    assert (place / "tries.jsonl").read_text() == "what a task chose among"
    assert trial_files.tested_in(place) == {"test/average": 4.0}
    assert [name for name in order if name.startswith("test/")] == [
        "test/a.csv",
        "test/z.csv",
        "test/metrics.json",
    ]
    assert order[-1] == "test/metrics.json"


def test_of_a_trials_checkpoints_one_is_kept(run):
    _, kept = run
    for task in range(3):
        kept.trial("trial_0001").write(f"checkpoints/task_{task + 1:02d}/state.json", "{}")
    kept.keep_only("trial_0001", 1)
    assert list(kept.trial("trial_0001").names()) == ["checkpoints/task_02/state.json"]


def test_a_manifest_goes_when_every_trial_that_it_counts_is_there(run, order):
    folder, kept = run
    for number in (1, 2):
        _write(folder, *(f"trials/trial_000{number}/{name}" for name in ("config.yaml", "trial.json")))
    _write(folder, "manifest.json")
    kept.push_proposal("trial_0002")
    assert order == [
        *(f"trials/trial_000{n}/{name}" for n in (1, 2) for name in ("config.yaml", "trial.json")),
        "manifest.json",
    ]


def test_a_run_agrees_with_no_other_runs_storage(run, tmp_path):
    folder, kept = run
    (folder / IDENTITY_FILE).write_text(_OTHER.text())
    with pytest.raises(UserError, match="holds another run of that name"):
        kept.agree()


def test_a_record_that_another_machine_went_on_with_is_brought_and_one_that_is_ahead_stays(run):
    folder, kept = run
    journal = folder / "tracking.jsonl"
    for whole in ("one\n", "one\ntwo\n"):
        journal.write_text(whole)
        kept.push()
    for own, agreed in (("one\n", "one\ntwo\n"), ("one\ntwo\nthree\n", "one\ntwo\nthree\n")):
        journal.write_text(own)
        RunStorage(kept.storage, folder).agree()
        assert journal.read_text() == agreed


def test_a_copy_that_has_fewer_tasks_of_a_trial_is_refused_and_changes_nothing(run):
    folder, kept = run
    _write(folder, f"{_TRIAL}/trial.json")
    states = [json.dumps({"reports": [{"task": k + 1} for k in range(n + 1)]}) for n in range(3)]
    (folder / _TRIAL / "state.json").write_text(states[2])
    for done in (1, 2):
        kept.trial("trial_0001").write(f"checkpoints/task_{done:02d}/state.json", states[done - 1])
        line = rf"older copy: trial_0001 has 3 finished tasks in {folder} and {done} there; allowed: "
        with pytest.raises(UserError, match=line):
            kept.agree()
    assert (folder / _TRIAL / "state.json").read_text() == states[2]
    kept.trial("trial_0001").write("checkpoints/task_03/state.json", states[2])
    kept.agree()


def test_a_trial_without_a_checkpoint_there_is_an_older_copy_too(run):
    folder, kept = run
    _write(folder, f"{_TRIAL}/trial.json")
    kept.agree()
    (folder / _TRIAL / "state.json").write_text(json.dumps({"reports": [{"task": 1}]}))
    with pytest.raises(UserError, match="has 1 finished tasks in .* and 0 there"):
        kept.agree()
