"""Checks that this process may use what a Ray of its own uses."""

from __future__ import annotations

import math
import os
import resource
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil

from ..errors import UserError
from .control_groups import control_groups, read_text

_GIB = 2**30
_ADDRESSES = 16 * _GIB  # bytes that a worker maps beside the object store
_STORE = 0.3, 200e9  # Ray's object store: its share of the memory, and the most bytes that it takes
_TASKS = 1000  # processes and threads
_FILES = 1024  # open files of one process


def check_limits(root: Path = Path("/")) -> None:
    """Checks that the limits of this process leave room for Ray, which would otherwise wait silently for its
    own processes.

    Args:
        root: The folder that has ``proc`` and ``sys``.

    Raises:
        UserError: A limit leaves no room.
    """
    for line in (*_addresses(), *_size(), *_files(), *_tasks(root)):
        raise UserError(f"{line}; Ray does not come up with less")


def _addresses() -> Iterator[str]:
    need = _ADDRESSES + _store()
    for what, limit, option in (
        ("the address space of a process", resource.RLIMIT_AS, "v"),
        ("the data of a process", resource.RLIMIT_DATA, "d"),
    ):
        if (found := _soft(limit)) < need:
            yield (
                f"{what} is limited to {found / _GIB:.1f} GiB (ulimit -{option}): allowed: "
                f"{math.ceil(need / _GIB)} GiB or more, or unlimited"
            )


def _size() -> Iterator[str]:
    """Ray's object store is one file, which has its whole size from the start."""
    if (found := _soft(resource.RLIMIT_FSIZE)) < (need := _store()):
        yield (
            f"a file is limited to {found / _GIB:.1f} GiB (ulimit -f): allowed: {math.ceil(need / _GIB)} GiB "
            "or more, or unlimited"
        )


def _store() -> float:
    share, most = _STORE
    return min(share * psutil.virtual_memory().total, most)


def _files() -> Iterator[str]:
    if (found := resource.getrlimit(resource.RLIMIT_NOFILE)[1]) != resource.RLIM_INFINITY and found < _FILES:
        yield f"open files of a process are limited to {found} (ulimit -n): allowed: {_FILES} or more"


def _tasks(root: Path) -> Iterator[str]:
    """Processes and their threads, which Linux counts alike."""
    limit = _soft(resource.RLIMIT_NPROC)
    if os.getuid() != 0 and limit < 20 * _TASKS and (used := _own_tasks()) + _TASKS > limit:
        yield _no_room(f"ulimit -u {limit:.0f}", used)
    for folder in control_groups("pids", root):
        with suppress(ValueError):  # "max", or there is no file
            most, used = (int(read_text(folder / f"pids.{kind}")) for kind in ("max", "current"))
            if used + _TASKS > most:
                yield _no_room(f"{folder}/pids.max {most}", used)


def _no_room(limit: str, used: int) -> str:
    return f"{limit}, of which {used} are in use: allowed: room for {_TASKS} more processes and threads"


def _own_tasks() -> int:
    threads = 0
    for process in psutil.process_iter(["uids", "num_threads"]):
        if process.info["uids"] and process.info["uids"].real == os.getuid():
            threads += process.info["num_threads"] or 1
    return threads


def _soft(limit: int) -> float:
    soft = resource.getrlimit(limit)[0]
    return math.inf if soft == resource.RLIM_INFINITY else soft
