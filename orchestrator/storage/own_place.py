"""A folder for temporary files and folders."""

from __future__ import annotations

import stat
from contextlib import suppress
from pathlib import Path

from ..errors import UserError
from .own_folder import check_own


def own_place(folder: Path) -> Path:
    """Checks that a folder is the user's own, and makes it where it does not exist. Entries below it are made
    and deleted unchecked.

    Returns:
        The folder.

    Raises:
        UserError: The folder is a link, or belongs to another user. The message is one line.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    if stat.S_ISLNK(folder.lstat().st_mode):
        raise UserError(f"{folder}: is a link; allowed: a folder of yours, or none (remove the link)")
    check_own(folder)
    return folder
