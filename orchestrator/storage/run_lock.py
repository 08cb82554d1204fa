"""A lock that lets one process at a time work on a run."""

from __future__ import annotations

import fcntl
import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from ..errors import UserError
from .lock_file import lock_file
from .run_files import LOCK_FILE

_SAME = 5.0  # seconds by which a process' start may seem to move when a clock is set
_LONGEST = 1000  # bytes that are read of what the holder wrote


@contextmanager
def run_lock(folder: Path) -> Iterator[None]:
    """Holds the run in ``folder`` during the block. A process that dies releases it.

    A file system without locks cannot tell that the holder died. There a process of this machine counts as
    long as it exists, and a process of another machine counts until the file is removed.

    Raises:
        UserError: Another process holds the run. The message says which one, and where.
    """
    path = folder / LOCK_FILE
    handle, mine = lock_file(path, 0o600), False
    try:
        said = os.pread(handle, _LONGEST, 0).decode(errors="replace").splitlines()
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise _held(folder, said, "one at a time") from None
        except OSError:
            if _may_live(said):
                there = f"one at a time; where that one has ended, remove {path}"
                raise _held(folder, said, there) from None
        mine = True
        os.ftruncate(handle, 0)
        here = f"process {os.getpid()} on {socket.gethostname()}\n{_began(os.getpid())}\n"
        os.pwrite(handle, here.encode(), 0)
        yield
    finally:
        if mine:
            os.ftruncate(handle, 0)
        os.close(handle)


def lock_holder(folder: Path) -> str | None:
    """Names the process that works on the run in ``folder``, as ``process 12 on host``; None: no process
    does.

    The call does not wait for the lock, and leaves a run on which no process works as it is.
    """
    try:
        handle = os.open(folder / LOCK_FILE, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        said = os.pread(handle, _LONGEST, 0).decode(errors="replace").splitlines()
        if not _may_live(said):
            return None
        # The folder may be a copy of one that the process works on.
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return None
    except OSError:  # it is locked, or the file system has no locks
        return said[0]
    finally:
        os.close(handle)


def _held(folder: Path, said: list[str], allowed: str) -> UserError:
    who = said[0] if said else "unknown"
    return UserError(f"{folder}: another process is at work on this run ({who}); allowed: {allowed}")


def _may_live(said: list[str]) -> bool:
    match = re.fullmatch(r"process (\d+) on (.*)", said[0]) if said else None
    if match is None:
        return False
    if match[2] != socket.gethostname():
        return True
    began = _began(int(match[1]))
    if began is None:
        return False
    noted = float(said[1]) if len(said) > 1 and re.fullmatch(r"\d+\.?\d*", said[1]) else began
    return abs(began - noted) < _SAME


def _began(process: int) -> float | None:
    """When a process of this machine began, in seconds; None where there is none. A later process with the
    same number began later.
    """
    try:
        return psutil.Process(process).create_time()
    except psutil.Error:
        return None
