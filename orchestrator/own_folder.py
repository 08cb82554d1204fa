"""Whether a folder that holds pickles may be read: reading one runs what it names."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from .errors import UserError


def check_own(folder: Path) -> None:
    """Raises a one-line :class:`~orchestrator.errors.UserError` where ``folder``, or anything in it, belongs
    to another user, can be written by everyone, or is a link.
    """
    me = os.getuid()
    for path in (folder, *folder.rglob("*")) if folder.exists() else ():
        found = path.lstat()
        if stat.S_ISLNK(found.st_mode):
            raise UserError(f"{path}: is a link; what Ray left there is read only where it is yours")
        if found.st_uid != me:
            raise UserError(
                f"{path}: belongs to user {found.st_uid}, not to you ({me}); "
                "what Ray left there could run anything when it is read"
            )
        if found.st_mode & stat.S_IWOTH:
            raise UserError(
                f"{path}: everyone may write to it (mode {stat.S_IMODE(found.st_mode):o}); "
                "what Ray left there could run anything when it is read"
            )
