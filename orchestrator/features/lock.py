"""Lets one process at a time write into a folder."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ..storage.lock_file import lock_file


@contextmanager
def locked(folder: Path, say: Callable[[str], None]) -> Iterator[None]:
    """Holds the lock of a folder within the block. A second process waits, and says so.

    The lock is the kernel's: it ends with the process that holds it.

    Args:
        folder: The folder, which is made where it does not exist.
        say: Tells the user that the process waits.
    """
    folder.mkdir(parents=True, exist_ok=True)
    handle = lock_file(folder / "lock")
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"another run is encoding into {folder}: waiting for it")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
