"""The content of the files that a configuration names."""

import os

import pytest

from orchestrator.errors import UserError
from orchestrator.storage import files_digests as module
from orchestrator.storage.files_digests import files_digests

pytestmark = pytest.mark.unit


def test_files_and_folders_are_told_apart_by_what_they_hold(tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "a.bin").write_bytes(b"one")
    (tmp_path / "clip.pt").write_bytes(b"one")
    values = {
        "file": str(tmp_path / "clip.pt"),
        "folder": str(tmp_path / "model"),
        "tag": "openai",
        "size": 3,
    }
    first = files_digests(values)
    assert set(first) == {"file", "folder"} and first == files_digests(values)
    (tmp_path / "model" / "a.bin").rename(tmp_path / "model" / "b.bin")
    (tmp_path / "clip.pt").write_bytes(b"two")  # as long, later
    os.utime(tmp_path / "clip.pt", ns=(1, 1))
    second = files_digests(values)
    assert first["file"] != second["file"] and first["folder"] != second["folder"]
    (tmp_path / "model" / "deep").mkdir()
    (tmp_path / "model" / "deep" / "c.bin").write_bytes(b"one")
    third = files_digests(values)["folder"]
    (tmp_path / "model" / "deep" / "c.bin").write_bytes(b"other")
    assert len({second["folder"], third, files_digests(values)["folder"]}) == 3


def test_a_path_from_home_is_one(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "clip.pt").write_bytes(b"one")
    assert files_digests({"key": "~/clip.pt"}) == files_digests({"key": str(tmp_path / "clip.pt")}) != {}


def test_one_that_cannot_be_read_is_one_line(tmp_path, monkeypatch):
    (tmp_path / "clip.pt").write_bytes(b"one")

    def refuse(path, size, changed):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(module, "_of_file", refuse)
    with pytest.raises(UserError, match=r"clip.pt: cannot be read \(Permission denied\)$"):
        files_digests({"file": str(tmp_path / "clip.pt")})
