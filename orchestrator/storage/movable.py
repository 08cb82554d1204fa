"""Checks whether the entries of a folder stay where they were put."""

from __future__ import annotations

import os
import stat
from pathlib import Path


def movable_by(folder: Path) -> str | None:
    """Finds out who besides this user may rename the entries of ``folder``.

    The owner of ``/`` rules the machine. That is root; in a user namespace that does not know root it is the
    user who is shown in root's place. Nobody else gets below a folder that only its owner may enter.

    Args:
        folder: A resolved path.

    Returns:
        A reason in one line; None where nobody else may.
    """
    trusted = os.getuid(), os.stat("/").st_uid
    for above in reversed((folder, *folder.parents)):
        status = above.stat()
        mode = stat.S_IMODE(status.st_mode)
        if status.st_uid not in trusted:
            return f"{above} is user {status.st_uid}'s, who may rename what lies there"
        if mode & (stat.S_IWGRP | stat.S_IWOTH) and not mode & stat.S_ISVTX:
            return f"others may rename what lies in {above} (mode {mode:o})"
        if status.st_uid == os.getuid() and not mode & (stat.S_IRWXG | stat.S_IRWXO):
            return None
    return None
