"""The folders in which Linux keeps the limits of groups of processes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path


def control_groups(controller: str, root: Path = Path("/")) -> Iterator[Path]:
    """The folders of this process' control groups, from the innermost one outwards, in either version of the
    system.

    A folder that cannot be seen from here is left out.

    Args:
        controller: ``cpu`` or ``pids``.
        root: The folder that has ``proc`` and ``sys``.
    """
    for line in read_text(root / "proc/self/cgroup").splitlines():
        _, names, path = (line.split(":", 2) + ["", ""])[:3]
        if names and controller not in names.split(","):
            continue
        base = root / "sys/fs/cgroup" / (controller if names else "")
        # In a container the path is that of the machine, and groups around the container cannot be seen.
        innermost = base / path.strip("/")
        for folder in dict.fromkeys([innermost, *innermost.parents, base]):
            if folder.is_relative_to(base) and folder.is_dir():
                yield folder


def read_text(path: Path) -> str:
    """The text of a file; empty where it cannot be read."""
    try:
        return path.read_text()
    except OSError:
        return ""
