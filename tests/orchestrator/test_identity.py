"""A run is known by its identity, not by its name."""

import json
import multiprocessing
import shutil

import numpy as np
import pytest

from orchestrator import checkpoint
from orchestrator.checkpoint import Checkpoint
from orchestrator.errors import UserError
from orchestrator.identity import IDENTITY_FILE, Identity
from orchestrator.run_storage import RunStorage
from orchestrator.space import Objective
from orchestrator.storage import Storage
from orchestrator.tracking import Tracker
from orchestrator.trial_book import TrialBook
from orchestrator.trial_files import reports_in

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


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"format": 2, "run": "1"}'])
def test_what_is_no_identity_is_refused_in_one_line(tmp_path, text):
    (tmp_path / IDENTITY_FILE).write_text(text)
    with pytest.raises(UserError, match=f"{tmp_path}/{IDENTITY_FILE}: is no identity"):
        Identity.of(tmp_path)


def test_a_run_of_an_earlier_version_or_of_a_later_one_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"has no identity.json.*earlier version.*not gone on with"):
        Identity.of(tmp_path)
    (tmp_path / IDENTITY_FILE).write_text(json.dumps({**json.loads(_ONE.text()), "format": 9}))
    with pytest.raises(UserError, match="format 9, allowed: 2"):
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


def test_a_stamp_tells_apart_what_trials_were_asked_to_do():
    asked = [Identity("r", config, "s").stamp("t", {"x": value}) for config in "ab" for value in (1, 2)]
    assert len({stamp["config"] for stamp in asked}) == 4
    assert _ONE.stamp("t", {"x": 1, "y": 2}) == _ONE.stamp("t", {"y": 2, "x": 1})


def test_a_record_of_another_run_is_not_gone_on_with(tmp_path, monkeypatch):
    monkeypatch.setattr(Tracker, "_work", lambda self: None)
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


class _Contested(Storage):
    """Another run claims it at the same moment, and writes later."""

    def write(self, name, text):
        super().write(name, text)
        super().write(name, _OTHER.text())


def test_of_two_runs_that_claim_a_storage_at_once_one_has_it(tmp_path):
    contested = _Contested(f"file://{tmp_path}/store/s")
    with pytest.raises(UserError, match="holds another run of that name"):
        _ONE.claim(contested, new=True)
    _OTHER.claim(contested, new=False)


def _probe(url):
    Storage(url).check()


def test_many_that_try_out_a_storage_at_once_do_not_disturb_each_other(tmp_path):
    with multiprocessing.get_context("fork").Pool(8) as pool:
        pool.map(_probe, [f"file://{tmp_path}/store"] * 400, chunksize=1)
    assert list((tmp_path / "store").iterdir()) == []


@pytest.fixture
def stored(tmp_path):
    """A run of two trials in ``runs/s``, all of it at a storage."""
    folder = tmp_path / "runs" / "s"
    _kept(folder, _ONE)
    kept = RunStorage(Storage(f"file://{tmp_path}/store/s"), folder)
    _ONE.claim(kept.storage, new=True)
    book = TrialBook(folder / "trials", Objective("x", "max"), 2)
    for number, name in enumerate(("trial_0001", "trial_0002")):
        book.propose(name, {"a": number}, {})
        with open(folder / "tracking.jsonl", "a") as journal:
            journal.write(json.dumps({"n": number}) + "\n")
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
    with pytest.raises(ConnectionError):
        kept.restore("s")
    assert not folder.exists() and not (tmp_path / "runs" / ".restoring").exists()
    monkeypatch.undo()
    assert kept.restore("s")
    assert {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()} == before
    assert not RunStorage(Storage(f"file://{tmp_path}/store/none"), tmp_path / "none").restore("none")


def test_a_run_that_lacks_a_trial_is_not_gone_on_with(stored, tmp_path):
    folder, _ = stored
    shutil.rmtree(folder / "trials" / "trial_0001")
    with pytest.raises(UserError, match="trial 1 of 2 is missing; allowed: the whole folder"):
        TrialBook(folder / "trials", Objective("x", "max"), 2)


def test_what_another_machine_added_is_brought_here_and_two_ways_are_refused(stored, tmp_path):
    folder, kept = stored
    there = tmp_path / "elsewhere" / "s"
    other = RunStorage(kept.storage, there)
    other.restore("s")
    book = TrialBook(there / "trials", Objective("x", "max"), 2)
    book.propose("trial_0003", {"a": 2}, {})
    with open(there / "tracking.jsonl", "a") as journal:
        journal.write('{"n": 2}\n')
    other.push("trial_0003")
    kept = RunStorage(kept.storage, folder)
    kept.agree()
    assert list(TrialBook(folder / "trials", Objective("x", "max"), 2).trials)[-1] == "trial_0003"
    assert (folder / "tracking.jsonl").read_bytes() == (there / "tracking.jsonl").read_bytes()
    for place, name in ((folder, "trial_0004"), (there, "trial_0005")):
        TrialBook(place / "trials", Objective("x", "max"), 2).propose(name, {"a": 3}, {})
    RunStorage(kept.storage, there).push("trial_0005")
    with pytest.raises(UserError, match="have gone different ways: trial_0004 lies here alone, trial_0005"):
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
    monkeypatch.setattr(Storage, "names", lambda self, below="": iter([*names, name]))
    before = {p for p in tmp_path.rglob("*") if p.is_file()}
    with pytest.raises(UserError, match=r"leads out of .*; allowed: names inside it"):
        kept.restore("s")
    with pytest.raises(UserError, match="leads out of"):
        monkeypatch.setattr(Storage, "names", lambda self, below="": iter([f"test/{name}"]))
        kept.pull("trial_0001")
    assert {p for p in tmp_path.rglob("*") if p.is_file()} == before


def test_a_link_does_not_lead_out_of_the_folder_either(tmp_path):
    from orchestrator.inside import inside

    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "trials").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UserError, match="leads out of"):
        inside(tmp_path / "run", "trials/t/trial.json")
    assert inside(tmp_path / "run", "test/a.csv") == tmp_path / "run" / "test" / "a.csv"
