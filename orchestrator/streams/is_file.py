"""Whether a folder's entry is a file."""

from __future__ import annotations

import os


def is_file(entry: os.DirEntry[str]) -> bool:
    """Whether a folder's entry is a file, or a link that leads to one. Only links are looked up.

    A folder, a pipe, a device, and a link that leads nowhere or to itself do not count as files.
    """
    try:
        return entry.is_file()
    except OSError:
        return False
