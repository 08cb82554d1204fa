"""Files that exist to be locked."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from ..errors import UserError


def lock_file(path: Path, mode: int = 0o666) -> int:
    """Opens the file at ``path`` for reading and writing, and keeps its content.

    Args:
        path: The file, which is made where it does not exist.
        mode: The mode that a new file is made with.

    Returns:
        The file's handle.

    Raises:
        UserError: The file is another user's, or a link lies there. In a folder of several users anyone may
            have made a link, which may lead anywhere.
    """
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EPERM):
            raise UserError(
                f"{path}: you may not write to it ({error.strerror}); allowed: a runs folder of your own"
            ) from None
        if error.errno != errno.ELOOP:
            raise
        raise UserError(f"{path}: is a link; allowed: a file there, or none (remove the link)") from None
