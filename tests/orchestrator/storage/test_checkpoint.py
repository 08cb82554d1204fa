import errno

import numpy as np
import pytest
import torch

from orchestrator.storage import checkpoint
from orchestrator.storage.checkpoint import Checkpoint


def _state(value: float) -> Checkpoint:
    weight = torch.full((3, 2), value)
    model = {"a": weight, "tied": weight, "part": weight.T[:1], "count": torch.tensor(7)}
    return Checkpoint(model, {"rows": np.arange(4), "none": np.empty(0, np.int64)}, [{"task": 1, "x": value}])


def test_what_is_saved_is_loaded(tmp_path):
    checkpoint.save(tmp_path, 0, _state(0.5), {"tokenizer.json": b"{}"})
    found = checkpoint.load(tmp_path, 0)
    for name, tensor in _state(0.5).model.items():
        assert torch.equal(found.model[name], tensor)
    assert found.memory["rows"].tolist() == [0, 1, 2, 3] and found.memory["none"].size == 0
    assert found.reports == [{"task": 1, "x": 0.5}]
    assert (checkpoint.folder_of(tmp_path, 0) / "tokenizer" / "tokenizer.json").exists()


def test_a_checkpoint_cut_short_is_passed_over_for_the_one_before(tmp_path):
    for task in range(3):
        checkpoint.save(tmp_path, task, _state(task), None)
    assert checkpoint.latest(tmp_path, 5)[0] == 3
    weights = checkpoint.folder_of(tmp_path, 2) / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-5])
    done, found = checkpoint.latest(tmp_path, 5)
    assert done == 2 and found.reports[0]["x"] == 1
    (checkpoint.folder_of(tmp_path, 1) / "state.json").unlink()
    assert checkpoint.latest(tmp_path, 5)[0] == 1
    assert checkpoint.latest(tmp_path / "nowhere", 5) == (0, None)


def test_a_checkpoint_of_another_tokenizer_is_refused(tmp_path):
    own, none = {"tokenizer.json": b"{}", "tokenizer_rows.json": b"[]"}, {}
    checkpoint.save(tmp_path, 0, _state(0.5), own)
    for asked in (own, None):
        assert checkpoint.latest(tmp_path, 1, tokenizer=asked)[0] == 1
    for asked in ({**own, "tokenizer.json": b"{ }"}, {"tokenizer.json": b"{}"}, none):
        with pytest.raises(checkpoint.ForeignCheckpoint, match="is not the tokenizer that the run"):
            checkpoint.latest(tmp_path, 1, tokenizer=asked)
    checkpoint.save(tmp_path / "no captions", 0, _state(0.5), none)
    assert checkpoint.load(tmp_path / "no captions", 0, tokenizer=none) is not None


def test_the_seconds_that_saving_took_are_in_the_last_report(tmp_path):
    reports = [{"task": 1, "seconds/checkpoint": 3.0}, {"task": 2}]
    checkpoint.save(tmp_path, 1, Checkpoint({}, {}, reports), seconds=lambda: 7.0)
    assert checkpoint.load(tmp_path, 1).reports == [
        {"task": 1, "seconds/checkpoint": 3.0},
        {"task": 2, "seconds/checkpoint": 7.0},
    ]


def test_a_full_disk_is_an_os_error_and_leaves_the_old_checkpoint(tmp_path, monkeypatch):
    checkpoint.save(tmp_path, 0, _state(1), None)

    def full(*_):
        raise checkpoint.SafetensorError("I/O error: No space left on device (os error 28)")

    monkeypatch.setattr(checkpoint, "save_file", full)
    with pytest.raises(OSError) as caught:
        checkpoint.save(tmp_path, 1, _state(2), None)
    assert caught.value.errno == errno.ENOSPC
    assert checkpoint.latest(tmp_path, 5)[0] == 1
    assert not list((tmp_path / "checkpoints").glob("*.partial"))


def test_restore_names_what_does_not_fit():
    with pytest.raises(ValueError, match="missing.*weight"):
        checkpoint.restore(torch.nn.Linear(2, 2), {"other": torch.zeros(1)})


def test_a_module_with_more_classes_takes_the_rows_that_were_trained_and_keeps_its_own_behind_them():
    small, large = torch.nn.Linear(3, 2), torch.nn.Linear(3, 4)
    own = {name: tensor.clone() for name, tensor in large.state_dict().items()}
    checkpoint.restore(large, small.state_dict())
    for name, tensor in large.state_dict().items():
        assert torch.equal(tensor[:2], small.state_dict()[name]) and torch.equal(tensor[2:], own[name][2:])
    with pytest.raises(RuntimeError, match="size mismatch"):
        checkpoint.restore(small, large.state_dict())
    with pytest.raises(RuntimeError, match="size mismatch"):
        checkpoint.restore(torch.nn.Linear(2, 4), small.state_dict())
