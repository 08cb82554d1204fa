"""Files that git-lfs has not brought yet."""

from __future__ import annotations

import os

_BEGIN = b"version https://git-lfs"
_MOST = 1024  # bytes, more than a pointer has


def lfs_pointer(folder: str, endings: tuple[str, ...] = ("",)) -> str | None:
    """What is said of the first file of a folder, of those with one of ``endings``, that is git-lfs's pointer
    to it; None: there is none.
    """
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if entry.name.endswith(endings) and entry.is_file() and entry.stat().st_size < _MOST:
            with open(entry.path, "rb") as file:
                if file.read(len(_BEGIN)) == _BEGIN:
                    return f"{entry.name} is git-lfs's pointer to a file: 'git lfs pull' brings it"
    return None
