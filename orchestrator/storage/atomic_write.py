"""Small files that appear whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

from .fresh_file import fresh_file


def write_text(path: Path, text: str) -> None:
    """Writes a small file whole or not at all, even when the power fails.

    Args:
        path: The file, which may exist.
        text: Its new content.

    Raises:
        OSError: The file cannot be written.
    """
    partial = path.with_name(path.name + ".partial")
    write_synced(partial, text)
    os.replace(partial, path)


def write_synced(path: Path, text: str) -> None:
    """Writes a new file and waits until the disk has it.

    Args:
        path: The file; what lay there is removed.
        text: Its content.

    Raises:
        OSError: The file cannot be written.
    """
    with fresh_file(path) as file:
        file.write(text.encode())
        file.flush()
        os.fsync(file.fileno())
