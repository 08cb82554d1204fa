"""Where a session's own Ray keeps its files. No Ray is started."""

import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import pytest
from other_user import ATTACKER, needs_root

from orchestrator.errors import UserError
from orchestrator.execution.ray_folder import RayFolder

_HOLD = """
import sys
from orchestrator.execution.ray_folder import RayFolder
print(RayFolder(print).path, flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def said():
    return []


@pytest.fixture
def held(base):
    """A process that holds a folder in ``base``, and the folder."""
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    yield process, Path(process.stdout.readline().strip()).parent
    process.kill()
    process.communicate()


def _mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_it_is_a_folder_of_ones_own_in_which_there_is_room_for_a_socket(base, said):
    folder = RayFolder(said.append)
    try:
        (parent,) = base.iterdir()
        assert folder.path == parent / "r" and _mode(parent) == 0o700
        assert parent.stat().st_uid == os.getuid() and not said
    finally:
        folder.remove()
    assert not list(base.iterdir())


def test_one_that_is_too_long_for_sockets_is_passed_over_for_the_next_and_said(base, said, monkeypatch):
    long = base / "a_job_of_a_cluster" / "tmp.0016"
    long.mkdir(parents=True)
    monkeypatch.setenv("RAY_TMPDIR", str(long))
    monkeypatch.setenv("TMPDIR", str(base))
    folder = RayFolder(said.append)
    folder.remove()
    assert folder.path.parents[1] == base
    assert said == [
        f"Ray's files go to {base}: RAY_TMPDIR ({long}): {len(str(long))} bytes are too long for Unix "
        "sockets, at most 27 are allowed"
    ]


@pytest.mark.parametrize("bytes_over", [0, 1])
def test_the_longest_that_is_taken_has_room_for_rays_longest_socket(said, monkeypatch, bytes_over):
    from ray._private.utils import validate_socket_filepath

    parent = tempfile.mkdtemp(dir="/tmp")
    longest = Path(parent, "x" * (26 - len(parent) + bytes_over))
    longest.mkdir()
    monkeypatch.setenv("RAY_TMPDIR", str(longest))
    folder = RayFolder(said.append)
    try:
        assert (folder.path.parents[1] == longest) is not bool(bytes_over)
        socket = "session_2026-12-31_23-59-59_999999_4194304/sockets/plasma_store"
        validate_socket_filepath(str(folder.path / socket))
        if not bytes_over:
            with pytest.raises(OSError, match="AF_UNIX"):
                validate_socket_filepath(f"{folder.path / socket}x")
    finally:
        folder.remove()
        shutil.rmtree(parent)


@pytest.mark.parametrize("mode", [0o777, 0o775])
def test_one_whose_entries_others_can_rename_is_passed_over(base, said, mode):
    base.chmod(mode)
    folder = RayFolder(said.append)
    folder.remove()
    assert folder.path.parents[1] != base
    (line,) = said
    assert f"others may rename what lies in {base} (mode {mode:o})" in line
    base.chmod(mode | stat.S_ISVTX)
    folder = RayFolder(said.append)
    folder.remove()
    assert folder.path.parents[1] == base and len(said) == 1


def test_nor_is_one_below_such_a_folder_taken(base, said, monkeypatch):
    (base / "a").mkdir()
    base.chmod(0o777)
    monkeypatch.setenv("RAY_TMPDIR", str(base / "a"))
    folder = RayFolder(said.append)
    folder.remove()
    assert f"others may rename what lies in {base} (mode 777)" in said[0]


def test_where_none_will_do_one_line_says_why_and_what_is_allowed(base, said, monkeypatch):
    monkeypatch.setenv("RAY_TMPDIR", str(base / "none"))
    monkeypatch.setattr("orchestrator.execution.ray_folder._ROOM", 3)
    with pytest.raises(UserError) as raised:
        RayFolder(said.append)
    message = str(raised.value)
    assert "\n" not in message and message.startswith(f"no place for Ray's files: RAY_TMPDIR ({base}/none): ")
    assert "(/tmp): 4 bytes are too long" in message and "allowed as RAY_TMPDIR: a folder" in message
    assert not said and not list(base.iterdir())


def test_it_goes_with_the_process(base, held):
    process, folder = held
    assert folder.exists()
    process.communicate("\n")
    assert process.returncode == 0 and not list(base.iterdir())


def test_what_a_killed_process_left_is_removed_by_the_next_and_nothing_else(base, held, said):
    process, folder = held
    (folder / "r" / "session").mkdir(parents=True)
    others = [base / "vray-12345678", base / "vray-empty123", base / "vlcl-other"]
    for other in others:  # another machine's, one that is being made, one of another name
        other.mkdir()
    (others[0] / "lock").write_text("another-machine")
    kept = Path(tempfile.mkdtemp(dir="/tmp"))
    shutil.copy(folder / "lock", kept)
    (base / "vray-linked12").symlink_to(kept)
    try:
        RayFolder(said.append).remove()
        assert folder.exists(), "in use"
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert folder.exists()
        RayFolder(said.append).remove()
        assert not folder.exists()
        assert all(other.exists() for other in others) and (kept / "lock").exists()
    finally:
        shutil.rmtree(kept)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to make another user's folder")
def test_another_users_is_not_removed(base, said):
    other = base / "vray-theirs12"
    other.mkdir()
    mine = RayFolder(said.append)
    shutil.copy(mine.path.parent / "lock", other)
    os.chown(other, 65002, 65002)
    RayFolder(said.append).remove()
    assert other.exists()
    mine.remove()


def test_what_is_written_while_it_goes_goes_too(base, said, monkeypatch):
    folder = RayFolder(said.append)
    folder.path.mkdir()
    remove, left = shutil.rmtree, [1, 2]

    def disturbed(path, **options):
        remove(path, **options)
        if left:
            folder.path.mkdir(parents=True)
            left.pop()

    monkeypatch.setattr(shutil, "rmtree", disturbed)
    folder.remove()
    assert not left and not list(base.iterdir())


_ANEW = """
import contextlib, os, sys
while True:
    with contextlib.suppress(OSError):
        os.makedirs(sys.argv[1] + "/session", exist_ok=True)
"""


def test_a_process_of_its_own_that_would_make_it_anew_is_ended_and_no_other(base, said):
    folder = RayFolder(said.append)
    mine, other = (
        subprocess.Popen([sys.executable, "-c", _ANEW, str(path)]) for path in (folder.path, base / "other")
    )
    try:
        while not ((folder.path / "session").exists() and (base / "other" / "session").exists()):
            time.sleep(0.01)
        folder.remove()
        assert mine.poll() is not None and other.poll() is None
        assert [path.name for path in base.iterdir()] == ["other"]
    finally:
        for process in (mine, other):
            process.kill()
            process.wait()


def test_one_whose_parent_has_died_is_ended_too(base, said):
    folder = RayFolder(said.append)
    start = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {_ANEW!r}, sys.argv[1]])"
    subprocess.run([sys.executable, "-c", start, str(folder.path)], check=True)
    while not (folder.path / "session").exists():
        time.sleep(0.01)
    folder.remove()
    assert not list(base.iterdir())
    time.sleep(0.1)
    assert not list(base.iterdir()), "and makes nothing anew"


def test_one_that_is_somebody_elses_is_left_alone_whatever_it_names(base, said):
    """As ``tail -f`` of a log, in a terminal."""
    folder = RayFolder(said.append)
    start = (
        "import subprocess, sys; p = subprocess.Popen(['sleep', '60'], executable='/bin/sleep'); print(p.pid)"
    )
    start = start.replace("['sleep', '60']", "[sys.stdin.readline().strip(), '60']")
    with subprocess.Popen(
        [sys.executable, "-c", f"{start}; sys.stdout.flush(); p.wait()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as parent:
        parent.stdin.write(f"{folder.path}/session\n")
        parent.stdin.flush()
        process = psutil.Process(int(parent.stdout.readline()))
        while str(folder.path) not in " ".join(process.cmdline()):
            time.sleep(0.01)
        folder.remove()
        assert process.is_running() and process.status() != psutil.STATUS_ZOMBIE
        process.kill()


@needs_root
def test_another_users_that_names_it_is_left_alone(base, said):
    folder = RayFolder(said.append)
    command = [f"{folder.path}/session", "60"]
    with subprocess.Popen(command, executable="/bin/sleep", user=ATTACKER, cwd="/") as theirs:
        folder.remove()
        assert theirs.poll() is None and not list(base.iterdir())
        theirs.kill()


def test_what_could_not_be_removed_whole_is_removed_by_the_next_start(base, said, monkeypatch):
    folder = RayFolder(said.append)
    folder.path.mkdir()
    remove = shutil.rmtree
    monkeypatch.setattr("orchestrator.execution.ray_folder._END", 0.1)
    monkeypatch.setattr(
        shutil, "rmtree", lambda path, **options: path == folder.path or remove(path, **options)
    )
    folder.remove()
    monkeypatch.undo()
    assert folder.path.exists()
    monkeypatch.setenv("RAY_TMPDIR", str(base))
    RayFolder(said.append).remove()
    assert not list(base.iterdir())


def test_the_pattern_of_its_name_is_not_the_clusters(base, said):
    """cluster.yaml's folder for temporary files lies beside it."""
    text = (Path(__file__).parents[3] / "cluster.yaml").read_text()
    (name,) = re.findall(r"RAY_TMPDIR=/tmp/(\S+?)\$", text)
    folder = RayFolder(said.append)
    folder.remove()
    assert not name.startswith(folder.path.parent.name[:9])
