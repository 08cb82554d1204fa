"""One process at a time works on a run."""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import UserError
from .lock_file import lock_file


@contextmanager
def run_lock(folder: Path) -> Iterator[None]:
    """Holds the run in ``folder`` for the block; a process that dies lets go of it.

    :class:`~orchestrator.errors.UserError`: another process holds it, which one and where.
    """
    handle = lock_file(folder / "run.lock", 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            who = os.read(handle, 200).decode(errors="replace").strip() or "unknown"
            raise UserError(
                f"{folder}: another process is at work on this run ({who}); allowed: one at a time"
            ) from None
        except OSError:
            pass  # a file system without locks: nobody can be told
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"process {os.getpid()} on {socket.gethostname()}\n".encode(), 0)
        yield
    finally:
        os.close(handle)
