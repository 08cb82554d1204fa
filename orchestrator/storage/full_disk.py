"""Recognises a full disk, and writes the user's line on it."""

from __future__ import annotations

import errno
import os
import sqlite3
from pathlib import Path


def is_full(error: BaseException | None) -> bool:
    """Whether ``error``, or an error that caused it, says that a disk had no space left."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            return True
        if isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_FULL:
            return True
        error = error.__cause__ or error.__context__
    return False


def full_disk(path: Path) -> str:
    """The line for the user.

    Args:
        path: A file or folder on the disk, which may not exist yet.
    """
    existing = next(path_above for path_above in (path, *path.absolute().parents) if path_above.exists())
    free = os.statvfs(existing)
    mib = free.f_bavail * free.f_frsize / 2**20
    return f"no space left: free some on the disk that holds {path} ({mib:.1f} MiB are free)"
