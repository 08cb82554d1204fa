"""A copy from storage that stops short never stands where a whole file is looked for."""

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from orchestrator.storage import local_files
from orchestrator.storage.url_folder import Storage


@pytest.fixture
def storage(tmp_path):
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "model").write_text("a whole file")
    return Storage(f"file://{tmp_path}/kept")


class _Stopped(BaseException):
    """An error that nobody expects, like a kill."""


def _half(error):
    """Stands in for the function that copies a file, and raises after half of the file."""

    def copy(source, target, *_):
        whole = source.read()
        target.write(whole[: len(whole) // 2])
        target.flush()
        raise error

    return copy


@pytest.fixture(params=[OSError("the connection broke"), _Stopped()], ids=["error", "kill"])
def stops_short(request, monkeypatch):
    monkeypatch.setattr(local_files.shutil, "copyfileobj", _half(request.param))
    return type(request.param)


def test_what_stops_short_leaves_no_file(storage, stops_short, tmp_path):
    with pytest.raises(stops_short):
        storage.get("model", tmp_path / "here" / "model")
    assert not (tmp_path / "here" / "model").exists()


def test_what_stops_short_leaves_the_file_of_before(storage, stops_short, tmp_path):
    (tmp_path / "model").write_text("the one of before")
    with pytest.raises(stops_short):
        storage.get("model", tmp_path / "model")
    assert (tmp_path / "model").read_text() == "the one of before"


@pytest.mark.parametrize("before", [None, b"the one of before"])
def test_what_is_put_and_stops_short_leaves_what_was_there(storage, tmp_path, monkeypatch, before):
    monkeypatch.setattr(local_files.shutil, "copyfileobj", _half(_Stopped()))
    (new := tmp_path / "new").write_text("another whole file")
    if before:
        (tmp_path / "kept" / "state.json").write_bytes(before)
    for put in (storage.put, lambda _, name: storage.write(name, "another whole file")):
        with pytest.raises(_Stopped):
            put(new, "state.json")
        assert storage.read("state.json") == before
        assert sorted(storage.names()) == ["model", *["state.json"] * bool(before)], "halves are not listed"


def test_after_a_copy_that_stopped_short_the_next_is_whole(storage, tmp_path, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(local_files.shutil, "copyfileobj", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            storage.get("model", tmp_path / "model")
    assert storage.get("model", tmp_path / "model")
    assert (tmp_path / "model").read_text() == "a whole file"


def test_what_another_machine_wrote_is_listed(monkeypatch):
    listed, find, cat = {}, MemoryFileSystem.find, MemoryFileSystem.cat_file

    # As a store over a network does, whose listings are kept.
    monkeypatch.setattr(
        MemoryFileSystem, "find", lambda self, path: listed.setdefault(path, find(self, path))
    )
    monkeypatch.setattr(
        MemoryFileSystem, "cat_file", lambda self, path: listed.setdefault(path, cat(self, path))
    )
    monkeypatch.setattr(MemoryFileSystem, "invalidate_cache", lambda self, path=None: listed.clear())
    monkeypatch.setattr(MemoryFileSystem, "store", {})
    monkeypatch.setattr(MemoryFileSystem, "pseudo_dirs", [""])
    files, storage = MemoryFileSystem(), Storage("memory://kept")
    files.pipe_file("/kept/model", b"a whole file")
    assert list(storage.names()) == ["model"] and storage.read("model") == b"a whole file"
    files.pipe_file("/kept/state.json", b"{}")
    assert sorted(storage.names()) == ["model", "state.json"]
    files.pipe_file("/kept/model", b"another")
    assert storage.read("model") == b"another"


def test_a_folder_that_is_deleted_while_it_is_listed_hides_no_other(storage, tmp_path):
    for name in ("a/1", "b/2", "c/3"):
        storage.write(name, "")
    names = storage.names()
    assert next(names) == "a/1"
    storage.delete("b")
    assert list(names) == ["c/3", "model"]
