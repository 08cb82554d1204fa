"""Whether a folder's entry is a file."""

from __future__ import annotations

import os


def is_file(entry: os.DirEntry[str]) -> bool:
    """Whether the entry is a file or a link that leads to one: no folder, pipe or device, and no link that
    leads nowhere or to itself. Only links are looked up.
    """
    try:
        return entry.is_file()
    except OSError:
        return False
