"""One writer of a folder at a time."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def locked(folder: Path, say: Callable[[str], None]) -> Iterator[None]:
    """Holds the lock of ``folder``, which is made where it is not there. A second process waits, and says so.

    The lock is the kernel's: it goes with the process that holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "lock", "a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"another run is encoding into {folder}: waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
