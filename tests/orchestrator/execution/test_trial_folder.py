"""What the machine that trains a trial leaves at a storage, and what another machine takes from there."""

import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch

from orchestrator.execution import trial_folder
from orchestrator.execution.job import Job
from orchestrator.execution.trial_folder import TrialFolder
from orchestrator.storage import checkpoint, patience
from orchestrator.storage.checkpoint import Checkpoint
from orchestrator.storage.patience import StorageDown
from orchestrator.storage.url_folder import Storage


@pytest.fixture
def storage(tmp_path, monkeypatch):
    """A storage that notes the order in which files were sent there and fetched from there."""
    storage = Storage(f"file://{tmp_path}/kept")
    storage.put_names, storage.got_names = [], []
    put, get_into = storage.put, storage.get_into
    storage.put = lambda local, name: (put(local, name), storage.put_names.append(name))
    storage.get_into = lambda folder, name: (get_into(folder, name), storage.got_names.append(name))
    monkeypatch.setattr(patience, "_PAUSES", (0, 0))
    return storage


def _save(folder, storage, tasks):
    for task in range(tasks):
        state = Checkpoint({"w": torch.full((4,), task)}, {"rows": np.arange(3)}, [{"task": task + 1}])
        keeper = TrialFolder(folder, storage)
        checkpoint.save(folder, task, state, {"vocabulary.json": b"{}"}, keeper=keeper)


def _fetched(storage, kind):
    with trial_folder.trial_folder(Job("t", kind, {}, {}, Path("nowhere"), storage)) as place:
        done, saved = checkpoint.latest(place.path, 9)
        found = sorted(path.name for path in (place.path / "checkpoints").glob("*"))
    assert not place.path.exists()
    return done, found, saved and saved.model["w"].tolist()


def test_all_of_a_checkpoint_is_kept_and_what_vouches_for_it_last(storage, tmp_path):
    _save(tmp_path / "here", storage, 1)
    here = {
        p.relative_to(tmp_path / "here").as_posix() for p in (tmp_path / "here").rglob("*") if p.is_file()
    }
    assert set(storage.names()) == here and len(storage.put_names) == len(here) == 5
    assert storage.put_names[-1] == "checkpoints/task_01/state.json"


@pytest.mark.parametrize("session", ["session", None])
def test_the_copy_lies_in_rays_session_which_a_kill_does_not_leave(storage, tmp_path, monkeypatch, session):
    (tmp_path / "session").mkdir()
    monkeypatch.setattr(trial_folder, "session_place", lambda: session and str(tmp_path / session))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with trial_folder.trial_folder(Job("t", "train", {}, {}, Path("nowhere"), storage)) as place:
        assert place.path.parent == tmp_path / (session or "")


def test_to_go_on_the_newest_whole_checkpoint_is_taken_and_to_test_all_are(storage, tmp_path):
    _save(tmp_path / "here", storage, 3)
    assert _fetched(storage, "train") == (3, ["task_03"], [2.0] * 4)
    assert storage.got_names[-1] == "checkpoints/task_03/state.json"
    assert _fetched(storage, "test") == (3, ["task_01", "task_02", "task_03"], [2.0] * 4)
    cut = tmp_path / "kept" / "checkpoints" / "task_03" / "model.safetensors"
    cut.write_bytes(cut.read_bytes()[:-1])
    assert _fetched(storage, "train") == (2, ["task_02", "task_03"], [1.0] * 4)


def test_of_a_look_at_test_what_vouches_for_it_comes_last(storage, tmp_path):
    for name in ("metrics.json", "matrix.csv", "zeros.csv"):
        (tmp_path / "here" / "test").mkdir(parents=True, exist_ok=True)
        (tmp_path / "here" / "test" / name).write_text("{}")
    TrialFolder(tmp_path / "here", storage).keep_test()
    assert storage.put_names == ["test/matrix.csv", "test/zeros.csv", "test/metrics.json"]


def test_a_storage_is_asked_again_for_a_moment_and_is_down_after_that(storage, tmp_path):
    put, away = storage.put, [2]

    def failing(local, name):
        away[0] -= 1
        if away[0] >= 0:
            raise ConnectionError("no route\nto host")
        put(local, name)

    storage.put = failing
    _save(tmp_path / "here", storage, 1)
    assert len(storage.put_names) == 5
    away[0] = 9
    with pytest.raises(StorageDown, match="kept cannot be reached: no route$"):
        _save(tmp_path / "there", storage, 1)
    assert checkpoint.latest(tmp_path / "there", 1) == (0, None), "it is not kept: not finished"


def test_the_trainings_of_a_walk_that_chooses_at_each_task_are_kept_and_fetched(storage, tmp_path):
    """They come before the task's checkpoint, so that a machine that takes over makes none of them again."""
    (tmp_path / "tries.jsonl").write_text("{}\n")
    TrialFolder(tmp_path, storage).file("tries.jsonl")
    assert storage.put_names == ["tries.jsonl"]
    for kind, base, there in (("train", {"per_task": {}}, True), ("train", {}, False), ("test", {}, False)):
        with trial_folder.trial_folder(Job("t", kind, base, {}, Path("nowhere"), storage)) as found:
            assert (found.path / "tries.jsonl").exists() is there
    assert storage.got_names == ["tries.jsonl"]
    TrialFolder(tmp_path, None).file("tries.jsonl")  # without a storage it lies there already
