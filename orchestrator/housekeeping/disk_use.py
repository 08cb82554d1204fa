"""Measures what a folder holds on the disk."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from ..storage.trial_files import CHECKPOINTS_FOLDER


@dataclass(frozen=True)
class DiskUse:
    """What a folder holds.

    Attributes:
        bytes: The size of all files in it, in bytes.
        checkpoints: The size of the trials' checkpoints, in bytes.
        files: The number of files in it.
        written: When a file in it was written last, in seconds since 1970; 0 where there is none.
        links: The number of links in it. What they lead to is not counted.
    """

    bytes: int
    checkpoints: int
    files: int
    written: float
    links: tuple[Path, ...]

    @classmethod
    def of(cls, folder: Path) -> DiskUse:
        """Measures what ``folder`` holds now. A file that is deleted meanwhile does not count, and no link is
        followed.
        """
        whole = checkpoints = files = 0
        written, links = 0.0, []
        waiting = [(str(folder), False)]
        while waiting:
            path, kept = waiting.pop()
            try:
                entries = sorted(os.scandir(path), key=lambda entry: entry.name)
            except OSError:
                continue
            for entry in entries:
                try:
                    status = entry.stat(follow_symlinks=False)
                except OSError:
                    continue
                if stat.S_ISLNK(status.st_mode):
                    links.append(Path(entry.path))
                elif stat.S_ISDIR(status.st_mode):
                    waiting.append((entry.path, kept or entry.name == CHECKPOINTS_FOLDER))
                else:
                    whole += status.st_size
                    checkpoints += status.st_size if kept else 0
                    files += 1
                    written = max(written, status.st_mtime)
        return cls(whole, checkpoints, files, written, tuple(links))
