"""A run is known by its identity, not by its name."""

import errno
import fcntl
import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import at_once
import numpy as np
import pytest
import torch

from orchestrator.commands.storage_of import whole_url
from orchestrator.errors import UserError
from orchestrator.evaluation.objective import Objective
from orchestrator.record.trial_store import TrialStore
from orchestrator.storage import checkpoint, patience
from orchestrator.storage.checkpoint import Checkpoint
from orchestrator.storage.identity import Identity
from orchestrator.storage.journal_parts import JournalParts, StorageTaken
from orchestrator.storage.run_files import IDENTITY_FILE
from orchestrator.storage.run_lock import run_lock
from orchestrator.storage.run_storage import RunStorage
from orchestrator.storage.trial_files import reports_in
from orchestrator.storage.url_folder import Storage
from orchestrator.tracking import Tracker
from orchestrator.tracking.sender import Sender
from orchestrator.training.saved_tasks import SavedTasks

_ONE, _OTHER = Identity("1" * 32, "c" * 64, "s" * 64), Identity("2" * 32, "c" * 64, "s" * 64)


def _kept(folder, identity):
    folder.mkdir(parents=True)
    (folder / IDENTITY_FILE).write_text(identity.text())
    return identity.of(folder)


def test_an_identity_is_read_back_and_what_differs_is_named(tmp_path):
    kept = _kept(tmp_path / "run", _ONE)
    assert kept == _ONE
    assert Identity.new("c" * 64, "s" * 64).gone_on_with(tmp_path / "run") == _ONE
    for name, config, stream in (
        ("another configuration", "x" * 64, "s" * 64),
        ("another stream's content", "c" * 64, "x" * 64),
    ):
        with pytest.raises(UserError, match=f"{tmp_path}/run: is of {name} .*allowed: what the run was"):
            Identity.new(config, stream).gone_on_with(tmp_path / "run")
    assert Identity.new("c", "s").run != Identity.new("c", "s").run


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"format": 3, "run": "1"}'])
def test_what_is_no_identity_is_refused_in_one_line(tmp_path, text):
    (tmp_path / IDENTITY_FILE).write_text(text)
    with pytest.raises(UserError, match=f"{tmp_path}/{IDENTITY_FILE}: is no identity"):
        Identity.of(tmp_path)


def test_a_run_of_an_earlier_version_or_of_a_later_one_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"has no identity.json.*earlier version.*not resumed"):
        Identity.of(tmp_path)
    (tmp_path / IDENTITY_FILE).write_text(json.dumps({**json.loads(_ONE.text()), "format": 9}))
    with pytest.raises(UserError, match="format 9, allowed: 6"):
        Identity.of(tmp_path)


def test_a_trials_checkpoint_is_used_by_nobody_else(tmp_path):
    mine = _ONE.stamp("trial_0001", {"method.learning_rate": 0.03})
    checkpoint.save(tmp_path, 0, Checkpoint({}, {"rows": np.arange(2)}, [{"task": 1, "x": 5.0}]), stamp=mine)
    assert checkpoint.latest(tmp_path, 3, mine)[0] == 1 and reports_in(tmp_path, mine)[0]["x"] == 5.0
    strangers = {
        "run": _OTHER.stamp("trial_0001", {"method.learning_rate": 0.03}),
        "trial": _ONE.stamp("trial_0002", {"method.learning_rate": 0.03}),
        "config": _ONE.stamp("trial_0001", {"method.learning_rate": 1e-9}),
        "stream": Identity(_ONE.run, _ONE.config, "t" * 64).stamp(
            "trial_0001", {"method.learning_rate": 0.03}
        ),
    }
    for name, stamp in strangers.items():
        with pytest.raises(UserError, match=f"is a checkpoint of another {name} .*allowed: its own"):
            checkpoint.latest(tmp_path, 3, stamp)
        assert reports_in(tmp_path, stamp) == []
        saved = SavedTasks(tmp_path, 0, torch.device("cpu"), stamp)
        with pytest.raises(UserError, match=f"is a checkpoint of another {name} "):
            saved.newest(3)


def test_a_stamp_tells_apart_what_trials_were_asked_to_do():
    asked = [Identity("r", config, "s").stamp("t", {"x": value}) for config in "ab" for value in (1, 2)]
    assert len({stamp["config"] for stamp in asked}) == 4
    assert _ONE.stamp("t", {"x": 1, "y": 2}) == _ONE.stamp("t", {"y": 2, "x": 1})


def test_a_record_of_another_run_is_not_gone_on_with(tmp_path, monkeypatch):
    monkeypatch.setattr(Sender, "_work", lambda self: None)
    Tracker(tmp_path / "r", None, "e", "r", run=_ONE.run)
    Tracker(tmp_path / "r", None, "e", "r", run=_ONE.run)
    with pytest.raises(UserError, match=r"tracking.jsonl: is the record of another run \(1{12}, not 2{12}\)"):
        Tracker(tmp_path / "r", None, "e", "r", run=_OTHER.run)


def test_a_storage_is_one_runs_alone(tmp_path):
    storage = Storage(f"file://{tmp_path}/store/s")
    with pytest.raises(UserError, match="holds nothing of run 1{12}"):
        _ONE.claim(storage, new=False)
    _ONE.claim(storage, new=True)
    _ONE.claim(storage, new=False)
    for new in (True, False):
        with pytest.raises(UserError, match="holds another run of that name"):
            _OTHER.claim(storage, new=new)
    with pytest.raises(UserError, match="identity.json: is of another configuration"):
        Identity(_ONE.run, "x" * 64, _ONE.stream).claim(storage, new=False)


@pytest.mark.parametrize("left", ["trials/trial_0001/trial.json", "tracking/1", "holiday.jpg"])
def test_what_is_left_of_another_run_is_nobodys_storage(tmp_path, left):
    storage = Storage(f"file://{tmp_path}/store/s")
    storage.write(left, "{}")
    with pytest.raises(
        UserError, match="holds other files, or what is left of another run; allowed: an empty"
    ):
        _ONE.claim(storage, new=True)
    assert list(storage.names()) == [left]


def test_many_that_try_out_a_storage_at_once_do_not_disturb_each_other(tmp_path):
    with at_once.processes(8) as pool:
        pool.map(at_once.probe, [f"file://{tmp_path}/store"] * 400, chunksize=1)
    assert list((tmp_path / "store").iterdir()) == []


@pytest.fixture
def stored(tmp_path):
    """A run of two trials in ``runs/s``, all of it at a storage."""
    folder = tmp_path / "runs" / "s"
    _kept(folder, _ONE)
    kept = RunStorage(Storage(f"file://{tmp_path}/store/s"), folder)
    _ONE.claim(kept.storage, new=True)
    store = TrialStore(folder / "trials", Objective("x", "max"), 2)
    for number, name in enumerate(("trial_0001", "trial_0002")):
        store.propose(name, {"a": number}, {})
        with open(folder / "tracking.jsonl", "a") as journal:
            journal.write(json.dumps({"n": number}) + "\n")
        kept.push_proposal(name)
        kept.push(name)
    return folder, kept


def test_what_is_restored_is_whole_or_not_there(stored, tmp_path, monkeypatch):
    folder, kept = stored
    before = {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    shutil.rmtree(folder)
    get, left = Storage.get, [3]

    def cut_short(self, name, local):
        left[0] -= 1
        if left[0] < 0:
            raise ConnectionError("gone")
        return get(self, name, local)

    monkeypatch.setattr(Storage, "get", cut_short)
    monkeypatch.setattr(patience, "_PAUSES", ())
    with pytest.raises(UserError, match="cannot be reached: gone"):
        kept.restore("s")
    assert not folder.exists() and not (tmp_path / "runs" / ".restoring").exists()
    monkeypatch.undo()
    assert kept.restore("s")
    for name in ("trial_0001", "trial_0002"):  # what people run again is made anew of the values
        del before[Path(f"trials/{name}/config.yaml")]
    assert {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()} == before
    assert not RunStorage(Storage(f"file://{tmp_path}/store/none"), tmp_path / "none").restore("none")


def test_a_run_that_lacks_a_trial_is_not_gone_on_with(stored, tmp_path):
    folder, _ = stored
    shutil.rmtree(folder / "trials" / "trial_0001")
    with pytest.raises(UserError, match="trial 1 of 2 is missing; allowed: the whole folder"):
        TrialStore(folder / "trials", Objective("x", "max"), 2)


def test_what_another_machine_added_is_brought_here_and_two_ways_are_refused(stored, tmp_path):
    folder, kept = stored
    there = tmp_path / "elsewhere" / "s"
    other = RunStorage(kept.storage, there)
    other.restore("s")
    store = TrialStore(there / "trials", Objective("x", "max"), 2)
    store.propose("trial_0003", {"a": 2}, {})
    with open(there / "tracking.jsonl", "a") as journal:
        journal.write('{"n": 2}\n')
    other.push_proposal("trial_0003")
    other.push("trial_0003")
    kept = RunStorage(kept.storage, folder)
    kept.agree()
    assert list(TrialStore(folder / "trials", Objective("x", "max"), 2).trials)[-1] == "trial_0003"
    assert (folder / "tracking.jsonl").read_bytes() == (there / "tracking.jsonl").read_bytes()
    for place, name in ((folder, "trial_0004"), (there, "trial_0005")):
        TrialStore(place / "trials", Objective("x", "max"), 2).propose(name, {"a": 3}, {})
    RunStorage(kept.storage, there).push_proposal("trial_0005")
    with pytest.raises(UserError, match="have diverged: trial_0004 lies here alone, trial_0005"):
        RunStorage(kept.storage, folder).agree()


def test_the_journal_goes_in_parts_and_a_part_that_is_missing_is_noticed(stored, tmp_path, monkeypatch):
    folder, kept = stored
    parts = sorted(kept.storage.names("tracking"))
    assert len(parts) == 2, "what was sent is not sent again"
    written = []
    monkeypatch.setattr(Storage, "write", lambda self, name, text: written.append((name, text)))
    kept.push()
    assert written == []
    monkeypatch.undo()
    kept.storage.delete(parts[0])
    shutil.rmtree(folder)
    with pytest.raises(UserError, match=f"the record is cut short, {parts[0]} is missing"):
        kept.restore("s")
    assert not folder.exists()


@pytest.mark.parametrize(
    "name", ["../../../evil", "trials/../../evil", "/etc/evil", "a//b", "trials/.", "a\\b"]
)
def test_a_key_of_a_bucket_or_a_name_of_a_journal_stays_in_the_runs_folder(
    stored, tmp_path, name, monkeypatch
):
    folder, kept = stored
    shutil.rmtree(folder)
    names = list(kept.storage.names())
    found = [*names, name]
    monkeypatch.setattr(Storage, "names", lambda self, below="": (n for n in found if n.startswith(below)))
    before = {p for p in tmp_path.rglob("*") if p.is_file()}
    with pytest.raises(UserError, match=r"leads out of .*; allowed: names inside it"):
        kept.restore("s")
    with pytest.raises(UserError, match="leads out of"):
        monkeypatch.setattr(Storage, "names", lambda self, below="": iter([f"test/{name}"]))
        kept.pull("trial_0001")
    assert {p for p in tmp_path.rglob("*") if p.is_file()} == before


def test_a_link_does_not_lead_out_of_the_folder_either(tmp_path):
    from orchestrator.storage.inside import inside

    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "trials").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UserError, match="leads out of"):
        inside(tmp_path / "run", "trials/t/trial.json", links=False)
    assert inside(tmp_path / "run", "trials/t/trial.json").parts[-3:] == ("trials", "t", "trial.json")
    assert inside(tmp_path / "run", "test/a.csv") == tmp_path / "run" / "test" / "a.csv"


def test_one_process_at_a_time_works_on_a_run_and_one_that_died_holds_nothing(tmp_path):
    code = "import sys, time; from pathlib import Path; from orchestrator.storage.run_lock import run_lock\n"
    code += "with run_lock(Path(sys.argv[1])): print('held', flush=True); time.sleep(60)"
    other = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert other.stdout.readline() == "held\n"
    held = rf"another process is at work on this run \(process {other.pid} on "
    with pytest.raises(UserError, match=held), run_lock(tmp_path):
        pass
    other.kill()
    other.wait()
    (tmp_path / "run.lock").write_text("process 1234567890 on a host with a very long name indeed\n" * 2)
    mine = rf"process {os.getpid()} on {socket.gethostname()}\); allowed"
    with run_lock(tmp_path), pytest.raises(UserError, match=mine), run_lock(tmp_path):
        pass


def test_where_a_file_system_has_no_locks_a_run_starts_all_the_same(tmp_path, monkeypatch):
    def none(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", none)
    with run_lock(tmp_path):
        pass


def test_an_ended_trial_has_the_reports_that_its_status_vouches_for(tmp_path):
    def store():
        return TrialStore(tmp_path / "trials", Objective("x", "max"), 2)

    first = store()
    first.propose("trial_0001", {"a": 1}, {})
    for task in (1, 2):
        first.report("trial_0001", {"task": task, "x": 5.0 * task})
    first.end("trial_0001", "finished")
    assert [r["x"] for r in store().trials["trial_0001"].reports] == [5.0, 10.0], "without a checkpoint"
    (tmp_path / "trials" / "trial_0001" / "tasks.jsonl").unlink()
    assert [r["x"] for r in store().trials["trial_0001"].reports] == [5.0, 10.0], "for those who compare"


def test_a_storages_address_is_one_from_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for given in ("store", "./store", "file://store", f"file://{tmp_path}/store", f"{tmp_path}/store"):
        assert whole_url(given) == whole_url(whole_url(given)) == f"file://{tmp_path}/store", given
    Storage(whole_url("my disk/100%")).write("a", "b")
    assert (tmp_path / "my disk" / "100%" / "a").read_text() == "b"
    assert [whole_url(u) for u in ("s3://b/p", "memory://x", None, "")] == [
        "s3://b/p",
        "memory://x",
        None,
        None,
    ]


def test_what_the_search_decides_is_at_the_storage_before_anybody_acts_on_it(stored):
    folder, kept = stored
    store = TrialStore(folder / "trials", Objective("x", "max"), 2)
    store.decide("trial_0001", 2, False)
    kept.push_verdicts("trial_0001")
    assert json.loads(kept.storage.read("trials/trial_0001/verdicts.json"))["verdicts"] == {"2": False}
    store.propose("trial_0003", {"a": 2}, {})
    put, order = Storage.put, []
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(
            Storage, "put", lambda self, local, name: (order.append(name), put(self, local, name))
        )
        kept.push_proposal("trial_0003")
    assert order[-2:] == ["trials/trial_0003/trial.json", "manifest.json"]


def test_a_storage_has_what_a_run_needs_as_soon_as_it_has_the_run(tmp_path):
    storage = Storage(f"file://{tmp_path}/store/s")
    files = {"train.yaml": "seeds: [0]\n", "config.yaml": "a: 1\n"}
    _ONE.claim(storage, new=True, files=files)
    with pytest.raises(UserError, match="holds another run"):
        _OTHER.claim(storage, new=True, files={"train.yaml": "mine"})
    assert list(storage.names()) == [IDENTITY_FILE]
    assert RunStorage(storage, tmp_path / "runs" / "s").restore("s")
    assert {name: (tmp_path / "runs" / "s" / name).read_text() for name in files} == files
    assert Identity.of(tmp_path / "runs" / "s") == _ONE


def test_of_many_that_claim_a_storage_at_once_one_has_it(tmp_path):
    with at_once.processes(8) as pool:
        for turn in range(20):
            url = f"file://{tmp_path}/store/{turn}"
            won = [run for run in pool.map(at_once.claim, [url] * 8, chunksize=1) if run]
            assert len(won) == 1 and json.loads(Storage(url).read(IDENTITY_FILE))["run"] == won[0]
            assert [path.name for path in (tmp_path / "store" / str(turn)).iterdir()] == [IDENTITY_FILE]


def test_a_bucket_is_claimed_once(s3):
    storage = Storage(f"{s3}/claimed")
    _ONE.claim(storage, new=True)
    _ONE.claim(storage, new=True)
    with pytest.raises(UserError, match="holds another run"):
        _OTHER.claim(storage, new=True)
    storage.delete("")


def test_two_records_of_one_length_are_not_taken_for_one(stored):
    folder, kept = stored
    journal = folder / "tracking.jsonl"
    journal.write_text(journal.read_text().replace('"n": 1', '"n": 7'))
    with pytest.raises(UserError, match="have diverged: part of the record lies here alone"):
        RunStorage(kept.storage, folder).agree()


@pytest.mark.parametrize("name", ["trial.json", "verdicts.json", "status.json", "test/metrics.json"])
def test_a_trials_file_of_another_run_is_refused(name, tmp_path):
    def walked(identity, folder, value=0.03):
        store = TrialStore(folder / "trials", Objective("x", "max"), 1, identity.stamp)
        if not store.trials:
            store.start("t", {"method.learning_rate": value}, {})
            store.decide("t", 1, True)
            store.report("t", {"task": 1, "x": 5.0})
            store.end("t", "finished")
            (store.trial_folder("t") / "test").mkdir()
            stamp = identity.stamp("t", {"method.learning_rate": value})
            (store.trial_folder("t") / "test" / "metrics.json").write_text(
                json.dumps({"stamp": stamp, "test/x": 4.0})
            )
        return store.trials["t"], store.tested("t")

    entry, tested = walked(_ONE, tmp_path / "one")
    assert (entry.values, entry.verdicts, entry.status) == (
        {"method.learning_rate": 0.03},
        {1: True},
        "finished",
    )
    assert (entry.reports, tested) == ([{"task": 1, "x": 5.0}], {"test/x": 4.0})
    walked(_OTHER, tmp_path / "other")
    walked(_ONE, tmp_path / "faster", 1e-9)
    mine = tmp_path / "one" / "trials" / "t" / name
    for stranger in ("other", "faster"):
        mine.write_text((tmp_path / stranger / "trials" / "t" / name).read_text())
        with pytest.raises(UserError, match=r"\.json:? is another run's, or was changed"):
            walked(_ONE, tmp_path / "one")
    mine.write_text('{"stamp": ')
    with pytest.raises(UserError, match="cannot be read .*allowed: what the run wrote there"):
        walked(_ONE, tmp_path / "one")


def test_the_values_of_a_proposal_are_those_it_was_made_with(tmp_path):
    def store():
        return TrialStore(tmp_path / "trials", Objective("x", "max"), 2, _ONE.stamp)

    store().propose("trial_0001", {"method.learning_rate": 0.03}, {})
    path = tmp_path / "trials" / "trial_0001" / "trial.json"
    path.write_text(path.read_text().replace("0.03", "1e-9"))
    with pytest.raises(UserError, match="or was changed"):
        store()


def test_a_storage_with_what_is_left_of_a_run_is_not_taken_for_an_empty_one(stored, tmp_path):
    _, kept = stored
    kept.storage.delete(IDENTITY_FILE)
    with pytest.raises(
        UserError, match="holds other files, or what is left of another run; allowed: an empty"
    ):
        _OTHER.claim(kept.storage, new=True)


def test_two_processes_that_go_on_with_one_run_find_each_other(stored, tmp_path):
    folder, kept = stored
    there = tmp_path / "elsewhere" / "s"
    other = RunStorage(kept.storage, there)
    other.restore("s")
    for place, run in ((folder, kept), (there, other)):
        with open(place / "tracking.jsonl", "a") as journal:
            journal.write(json.dumps({"by": place.parent.name}) + "\n")
        if run is kept:
            run.push()
        else:
            with pytest.raises(StorageTaken, match="another process works on this run too"):
                run.push()
    assert kept.storage.names() and JournalParts(kept.storage, folder).read().endswith(b'"runs"}\n')


def test_a_manifest_never_goes_ahead_of_a_trial_that_it_counts(stored, monkeypatch):
    folder, kept = stored
    store = TrialStore(folder / "trials", Objective("x", "max"), 2)
    store.propose("trial_0003", {"a": 2}, {})
    monkeypatch.setattr(patience, "_PAUSES", ())
    put = Storage.put

    def without_the_third(self, path, name):
        if "trial_0003" in name:
            raise ConnectionError("gone")
        put(self, path, name)

    monkeypatch.setattr(Storage, "put", without_the_third)
    for name in ("trial_0003", "trial_0001"):  # the second is a later call, as at the run's end
        with pytest.raises(UserError, match="cannot be reached"):
            kept.push_proposal(name)
    assert json.loads(kept.storage.read("manifest.json")) == {"trials": 2, "tasks": 2}


def test_what_a_pull_brings_is_not_put_back(stored, monkeypatch):
    folder, kept = stored
    state = json.dumps({"reports": []})
    there = kept.trial("trial_0001")
    for name, text in {"checkpoints/task_01/state.json": state, "test/metrics.json": "{}"}.items():
        there.write(name, text)
    kept.pull("trial_0001")
    put = []
    monkeypatch.setattr(Storage, "put", lambda self, path, name: put.append(name))
    kept.push("trial_0001")
    assert put == []


def test_a_checkpoint_whose_arrays_are_anothers_is_passed_over(tmp_path):
    class Elsewhere:
        def arrays(self, folder, task):
            pass

        commit = lambda self, task: None  # noqa: E731

    for task, value in enumerate((1.0, 2.0)):
        model = {"w": torch.full((2,), value)}
        checkpoint.save(tmp_path, task, Checkpoint(model, {}, [{"task": 1}]), keeper=Elsewhere())
    # Of the same size: what a worker that was thought dead still wrote.
    first, second = (checkpoint.folder_of(tmp_path, task) / "model.safetensors" for task in (0, 1))
    second.write_bytes(first.read_bytes())
    assert checkpoint.latest(tmp_path, 2)[0] == 1


def test_a_run_is_restored_by_one_process_and_what_a_death_left_of_it_goes(stored, tmp_path):
    folder, kept = stored
    shutil.rmtree(folder)
    left = tmp_path / "runs" / ".restoring" / "s" / "run" / "trials" / "trial_0009"
    left.mkdir(parents=True)
    with run_lock(left.parents[2]), pytest.raises(UserError, match="another process is at work"):
        kept.restore("s")
    assert kept.restore("s") and not (folder / "trials" / "trial_0009").exists()
    assert not (tmp_path / "runs" / ".restoring").exists()
