"""Whether a sweep's folder is the user's own, as what lies in it is gone on with."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from .errors import UserError


def check_own(folder: Path) -> None:
    """Raises a one-line :class:`~orchestrator.errors.UserError` where ``folder`` belongs to another user, or
    can be written to by everyone: its configurations name files to read and places to write to.

    Nothing is read there that could run code: the pickles that Ray leaves are never read back.
    """
    found, me = folder.stat(), os.getuid()
    if found.st_uid != me:
        raise UserError(
            f"{folder}: belongs to user {found.st_uid}, not to you ({me}); a sweep is resumed by its own user"
        )
    if found.st_mode & stat.S_IWOTH:
        raise UserError(
            f"{folder}: everyone may write to it (mode {stat.S_IMODE(found.st_mode):o}); "
            f"allowed: a folder that you alone may change (chmod o-w {folder})"
        )
