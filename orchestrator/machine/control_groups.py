"""Where the limits that Linux sets for groups of processes are written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path


def control_groups(controller: str, root: Path = Path("/")) -> Iterator[Path]:
    """The folders of the control groups that this process is in for ``controller`` (``cpu``, ``pids``), from
    the innermost one out, of either version; one that cannot be seen from here is left out. ``root``: where
    ``proc`` and ``sys`` lie.
    """
    for line in read_text(root / "proc/self/cgroup").splitlines():
        _, names, path = (line.split(":", 2) + ["", ""])[:3]
        if names and controller not in names.split(","):
            continue
        base = root / "sys/fs/cgroup" / (controller if names else "")
        # In a container the path is that of the machine: what is around the container cannot be seen.
        place = base / path.strip("/")
        for folder in dict.fromkeys([place, *place.parents, base]):
            if folder.is_relative_to(base) and folder.is_dir():
                yield folder


def read_text(path: Path) -> str:
    """What a file says; nothing where it is not there."""
    try:
        return path.read_text()
    except OSError:
        return ""
