"""Recognises files that git-lfs has not downloaded yet."""

from __future__ import annotations

import os

_BEGIN = b"version https://git-lfs"
_MOST = 1024  # bytes; a pointer has fewer


def lfs_pointer(folder: str, endings: tuple[str, ...] = ("",)) -> str | None:
    """Describes the first file of a folder that is only git-lfs's pointer.

    Args:
        folder: The folder.
        endings: Only files whose names end in one of these are looked at.

    Returns:
        A line for the user; None where there is no such file.
    """
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if entry.name.endswith(endings) and entry.is_file() and entry.stat().st_size < _MOST:
            with open(entry.path, "rb") as file:
                if file.read(len(_BEGIN)) == _BEGIN:
                    return f"{entry.name} is git-lfs's pointer to a file: 'git lfs pull' brings it"
    return None
