"""Files that are there to be locked."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from ..errors import UserError


def lock_file(path: Path, mode: int = 0o666) -> int:
    """The handle of the file at ``path``, open for reading and writing, made with ``mode`` where it is not
    there. What it holds stays.

    :class:`~orchestrator.errors.UserError`: a link lies there, which in a folder of several users may be
    anybody's and lead anywhere, or the file is another user's.
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
