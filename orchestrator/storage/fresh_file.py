"""New files where others may write."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

_NEW = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def fresh_file(path: Path) -> BinaryIO:
    """A new, empty file at ``path``, open for writing and reading, in the place of what lay there.

    A link that somebody else laid there is removed, never followed. Raises :class:`OSError`.
    """
    try:
        handle = os.open(path, _NEW, 0o666)
    except FileExistsError:
        os.unlink(path)
        handle = os.open(path, _NEW, 0o666)
    return open(handle, "w+b")
