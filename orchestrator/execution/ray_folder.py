"""The folder of a Ray of one's own, into which nobody else can look."""

from __future__ import annotations

import atexit
import fcntl
import os
import shutil
import socket
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil

from ..errors import UserError
from ..storage.movable import movable_by

_PREFIX, _INSIDE, _LOCK = "vray-", "r", "lock"
_PREFIXES = _PREFIX, "vlcl-ray-"  # the second one is an earlier version's
# The longest path that Ray makes below the folder that it is given.
_SOCKET = "session_2026-01-01_00-00-00_000000_4194304/sockets/plasma_store"
_MOST = 107  # bytes that the path of a Unix socket may have
_ROOM = _MOST - len(f"/{_PREFIX}12345678/{_INSIDE}/{_SOCKET}")
_END = 2.0  # seconds that Ray's processes may go on writing


class RayFolder:
    """A folder for one Ray. It is removed by :meth:`remove`, or when the process ends.

    Ray lets everybody write to the folder that it is given, which has its sockets, its ports and what it
    moves to disk. Therefore ``path`` lies in a folder that only its owner may enter. That folder lies where
    Ray's own would: in ``$RAY_TMPDIR``, ``$TMPDIR`` or ``/tmp``, the first of them whose path is short enough
    for Unix sockets, which can be written to, and in which nobody else can rename anything. Folders that
    killed processes of the same user left there are removed.

    Args:
        say: Prints why a folder was not taken.

    Raises:
        UserError: None of the folders will do.
    """

    left: list[RayFolder] = []
    """The folders of this process that were not removed yet."""

    def __init__(self, say: Callable[[str], None]) -> None:
        refused = []
        for name, base in _bases():
            try:
                self._parent, self._lock = _make(base)
                break
            except OSError as error:
                refused.append(f"{name} ({base}): {error.strerror or error}")
        else:
            raise UserError(
                f"no place for Ray's files: {'; '.join(refused)}; allowed as RAY_TMPDIR: a folder whose path "
                f"has at most {_ROOM} bytes, which is yours, or root's with the sticky bit, as all above it"
            )
        self.path = self._parent / _INSIDE
        self.left.append(self)
        atexit.register(self.remove)
        for why in refused:
            say(f"Ray's files go to {base}: {why}")
        _sweep(base)

    def remove(self) -> None:
        """Removes the folder, once.

        Ray's processes may still be running when this process ends in spite of them. They are ended, because
        they would make the folder anew.
        """
        if self not in self.left:
            return
        self.left.remove(self)
        atexit.unregister(self.remove)
        _end_processes(str(self.path))
        deadline = time.monotonic() + _END
        while self._parent.exists() and time.monotonic() < deadline:
            _remove(self._parent)  # fails where a process writes meanwhile
        os.close(self._lock)


def _bases() -> Iterator[tuple[str, Path]]:
    for name in ("RAY_TMPDIR", "TMPDIR"):
        if value := os.environ.get(name):
            yield name, Path(os.path.realpath(value))
    yield "the usual one", Path(os.path.realpath("/tmp"))


def _make(base: Path) -> tuple[Path, int]:
    """Makes a folder in ``base``. Returns the folder and the handle by which this process holds it. Raises
    OSError with the reason where it cannot be made there.
    """
    if (length := len(os.fsencode(base))) > _ROOM:
        raise OSError(f"{length} bytes are too long for Unix sockets, at most {_ROOM} are allowed")
    if (reason := movable_by(base)) is not None:
        raise OSError(reason)
    made = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=base))
    lock = os.open(made / _LOCK, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    with suppress(OSError):  # a file system without locks, where nothing is swept up
        fcntl.flock(lock, fcntl.LOCK_EX)
    os.write(lock, socket.gethostname().encode())  # this comes last: a folder without it is left alone
    return made, lock


def _end_processes(path: str) -> None:
    """Kills the processes with ``path`` on their command line that are this process' children, or nobody's,
    as the children of a dead raylet are; and their children.
    """
    ended = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):  # gone, or another user's
            ours = process.uids().real == os.getuid() and (process.ppid() == os.getpid() or _orphan(process))
            if ours and any(path in word for word in process.cmdline()):
                ended += [*process.children(recursive=True), process]
    for process in ended:
        with suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(ended, timeout=_END)


def _orphan(process: psutil.Process) -> bool:
    """Whether the process' parent is gone. A process that adopts orphans is also above this process."""
    parent = process.parent()
    return parent is None or parent in psutil.Process().parents()


def _remove(folder: Path) -> None:
    # The lock is removed last: by it the next start recognises a folder that was not removed whole.
    shutil.rmtree(folder / _INSIDE, ignore_errors=True)
    if not (folder / _INSIDE).exists():
        shutil.rmtree(folder, ignore_errors=True)


def _sweep(base: Path) -> None:
    """Removes the folders in ``base`` that dead processes of this user and machine made."""
    for folder in (entry for prefix in _PREFIXES for entry in base.glob(f"{prefix}*")):
        with suppress(OSError):  # another user's, one in use, or one that has just gone
            entry = folder.lstat()
            if stat.S_ISDIR(entry.st_mode) and entry.st_uid == os.getuid():
                _sweep_one(folder)


def _sweep_one(folder: Path) -> None:
    lock = os.open(folder / _LOCK, os.O_RDWR | os.O_NOFOLLOW)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.read(lock, 256) == socket.gethostname().encode():
            _remove(folder)
    finally:
        os.close(lock)
