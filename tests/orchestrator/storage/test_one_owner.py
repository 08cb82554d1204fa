"""A run has one owner at a time, and a name is taken once."""

import errno
import fcntl
import os
import socket
import subprocess
import sys
from datetime import datetime
from types import SimpleNamespace

import pytest

from orchestrator.commands.storage_of import whole_url
from orchestrator.errors import UserError
from orchestrator.storage import run_folder
from orchestrator.storage.identity import Identity
from orchestrator.storage.run_folder import new_folder
from orchestrator.storage.run_lock import run_lock
from orchestrator.storage.url_folder import Storage


@pytest.fixture
def no_locks(monkeypatch):
    """A file system without locks."""

    def none(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", none)


def test_who_has_let_go_of_a_run_is_not_named(tmp_path):
    for end in (None, KeyboardInterrupt(), UserError("refused")):
        try:
            with run_lock(tmp_path):
                assert (tmp_path / "run.lock").read_text().startswith(f"process {os.getpid()} on ")
                if end is not None:
                    raise end
        except (KeyboardInterrupt, UserError):
            pass
        assert (tmp_path / "run.lock").read_text() == ""


def test_without_locks_a_process_that_lives_has_the_run_and_one_that_died_has_not(tmp_path, no_locks):
    code = "import sys, time; from pathlib import Path; from orchestrator.storage.run_lock import run_lock\n"
    code += "with run_lock(Path(sys.argv[1])): print('held', flush=True); time.sleep(60)"
    other = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout.readline() == "held\n"
        held = (
            rf"\(process {other.pid} on {socket.gethostname()}\); allowed: one at a time; where that one has"
        )
        with pytest.raises(UserError, match=held), run_lock(tmp_path):
            pass
    finally:
        other.kill()
        other.wait()
    with run_lock(tmp_path):
        pass


def test_without_locks_another_hosts_process_has_the_run_until_its_file_is_removed(tmp_path, no_locks):
    lock = tmp_path / "run.lock"
    lock.write_text("process 1 on another.host\n7.0\n")
    with pytest.raises(UserError, match=rf"process 1 on another.host\).*remove {lock}"), run_lock(tmp_path):
        pass
    assert lock.read_text().startswith("process 1 on another.host")
    lock.unlink()
    with run_lock(tmp_path):
        pass


def test_without_locks_a_number_that_another_process_has_by_now_holds_nothing(tmp_path, no_locks):
    (tmp_path / "run.lock").write_text(f"process {os.getpid()} on {socket.gethostname()}\n1.5\n")
    with run_lock(tmp_path):
        pass


_NEW = ("clip-finetune", "digits", None)


def _make(name, files=None):
    return new_folder(name, *_NEW, Identity.new("c", "s"), files or {"sweep.yaml": "a: 1\n"})


def test_two_that_begin_in_one_second_without_a_name_have_two_folders(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(run_folder, "datetime", SimpleNamespace(now=lambda: datetime(2026, 1, 2)))
    first = "clip-finetune-digits-20260102-000000"
    assert [_make(None).name for _ in range(3)] == [first, f"{first}-2", f"{first}-3"]


def test_of_two_that_make_a_name_at_once_one_has_it_and_the_other_one_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rename, waiting = os.rename, ["a: 1\n"]

    def racing(made, target):  # before the folder has its name another has it
        if waiting:
            _make("x", {"sweep.yaml": waiting.pop()})
        return rename(made, target)

    monkeypatch.setattr(os, "rename", racing)
    with pytest.raises(UserError, match="--name x: .*/runs/x exists; choose another name"):
        _make("x", {"sweep.yaml": "b: 2\n"})
    assert (tmp_path / "runs" / "x" / "sweep.yaml").read_text() == "a: 1\n"
    assert os.listdir("runs") == ["x"]


@pytest.mark.parametrize("late", [False, True])
def test_an_interruption_leaves_a_whole_run_its_storage_and_else_nothing(tmp_path, monkeypatch, late):
    monkeypatch.chdir(tmp_path)
    rename = os.rename

    def interrupted(made, target):
        if late:
            rename(made, target)
        raise KeyboardInterrupt

    monkeypatch.setattr("orchestrator.storage.free_name.os.rename", interrupted)
    identity = Identity.new("c", "s")
    with pytest.raises(KeyboardInterrupt):
        new_folder("x", *_NEW[:2], f"file://{tmp_path}/kept", identity, {"sweep.yaml": "a: 1\n"})
    monkeypatch.undo()
    storage = Storage(f"file://{tmp_path}/kept/x")
    assert list(storage.names()) == (["identity.json"] if late else [])
    assert os.listdir(tmp_path / "runs") == (["x"] if late else [])
    if late:
        identity.claim(storage, new=False)


def test_runs_that_cannot_be_written_are_one_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").write_text("a file in the way")
    with pytest.raises(UserError, match="/runs/x: cannot be made .*allowed: a working folder, or runs in it"):
        _make("x")


@pytest.mark.parametrize("url", ["memory://kept", "simplecache::file://{}", "filecache::s3://bucket/x"])
def test_a_storage_that_others_do_not_see_is_refused(tmp_path, url):
    with pytest.raises(UserError, match="is this process' own, or this machine's; allowed"):
        Storage(url.format(tmp_path)).check()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("method", "does", "said"),
    [
        ("read", lambda self, name: None, "does not give back what was written"),
        ("read", lambda self, name: b"22", "does not delete"),
        ("names", lambda self, below: iter(()), "does not give back what was written"),
        ("create", lambda self, name, text: 1 / 0, "division by zero"),
    ],
    ids=["unread", "undeleted", "unlisted", "uncreated"],
)
def test_a_storage_is_tried_in_all_that_a_run_asks_of_it(tmp_path, monkeypatch, method, does, said):
    monkeypatch.setattr(Storage, method, does)
    with pytest.raises(UserError, match=f"^--storage file://{tmp_path}: {said}; allowed: an fsspec URL"):
        Storage(f"file://{tmp_path}").check()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("place", ["runs", "runs/x", "runs/../runs", "link"])
def test_a_run_is_not_kept_in_its_own_folder(tmp_path, monkeypatch, place):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    (tmp_path / "link").symlink_to("runs")
    with pytest.raises(UserError, match="is the run's own folder, or in it; allowed: a place elsewhere"):
        new_folder("x", *_NEW[:2], whole_url(place), Identity.new("c", "s"), {})
    assert list((tmp_path / "runs").iterdir()) == []


@pytest.mark.parametrize("url", ["s3:/bucket/x", "s3:bucket", "file:store", "gs:/x"])
def test_what_begins_like_a_url_and_is_none_is_not_taken_for_a_path(url):
    with pytest.raises(UserError, match=f"--storage {url}: is no URL; allowed: [a-z0-9]+://..., or a path"):
        whole_url(url)


def test_a_path_with_a_colon_is_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert whole_url("./a:b") == f"file://{tmp_path}/a:b" and whole_url("/a:b") == "file:///a:b"
    assert whole_url("s3://bucket/a:b") == "s3://bucket/a:b"
