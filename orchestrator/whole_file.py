"""Small files that appear whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path


def write_text(path: Path, text: str) -> None:
    """Writes a small file whole or not at all, also where power is lost. Raises :class:`OSError`."""
    partial = path.with_name(path.name + ".partial")
    write_synced(partial, text)
    os.replace(partial, path)


def write_synced(path: Path, text: str) -> None:
    """Writes a file and waits until the disk has it."""
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
