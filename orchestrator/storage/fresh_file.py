"""New files in folders that others may write to."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

_NEW = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def fresh_file(path: Path) -> BinaryIO:
    """Makes a new, empty file at ``path``, open for writing and reading. It replaces what lay there.

    A link that another user put there is removed and never followed.

    Raises:
        OSError: The file cannot be made.
    """
    try:
        handle = os.open(path, _NEW, 0o666)
    except FileExistsError:
        os.unlink(path)
        handle = os.open(path, _NEW, 0o666)
    return open(handle, "w+b")
