import errno
import os

import numpy as np
import pytest

from orchestrator.errors import UserError
from orchestrator.storage.array_file import writing


@pytest.mark.parametrize("length", [0, 3, 1000])
def test_a_file_may_end_up_shorter_than_it_was_meant(tmp_path, length):
    path = tmp_path / "a.npy"
    with writing(path, (1000, 5), np.float32) as twin:
        twin.array[:] = np.arange(5000).reshape(1000, 5)
        twin.length = length
    found = np.load(path, allow_pickle=False)
    assert np.array_equal(found, np.arange(length * 5, dtype=np.float32).reshape(length, 5))
    assert path.stat().st_size == 128 + length * 20


def test_an_error_keeps_what_was_there(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, np.arange(3))
    with pytest.raises(KeyError), writing(path, (9,), np.int64) as twin:
        twin.array[:] = 7
        raise KeyError
    assert np.load(path).tolist() == [0, 1, 2]
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_is_one_line_before_anything_is_written(tmp_path, monkeypatch):
    def full(descriptor, offset, size):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(UserError) as error, writing(tmp_path / "a.npy", (10**6, 2), np.int64):
        raise AssertionError("there is no room to write in")
    assert str(error.value).startswith(f"no space left for {tmp_path / 'a.npy'}: it needs 0.02 GB, ")
    assert not list(tmp_path.iterdir())
