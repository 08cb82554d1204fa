"""Writes the user's line on a path that may not be written or read."""

from __future__ import annotations

import errno
import os


def refused(error: OSError) -> str:
    """The line for the user; empty where ``error`` is something else."""
    if error.errno not in (errno.EROFS, errno.EACCES, errno.EPERM) or error.filename is None:
        return ""
    name = os.fsdecode(error.filename)
    path = name if os.path.isabs(name) else os.path.join(os.getcwd(), name)
    why = (error.strerror or type(error).__name__).lower()
    allowed = (
        "on a disk that can be written to" if error.errno == errno.EROFS else "that you may read and write"
    )
    return f"{path}: {why}; allowed: a place {allowed}"
