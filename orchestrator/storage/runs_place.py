"""The folder that holds all runs, which others may write to as well."""

from __future__ import annotations

import stat
from pathlib import Path

from ..errors import UserError


def check_place(runs: Path) -> None:
    """Checks that not everyone may move what lies in ``runs`` away and put something else in its place.

    Anyone who may do so could do it while a process works on a run. The rights of a group are up to its
    members.

    Raises:
        UserError: Everyone may do so. The message is one line.
    """
    if not runs.exists():
        return
    mode = runs.stat().st_mode
    if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
        raise UserError(
            f"{runs}: everyone may write to it (mode {stat.S_IMODE(mode):o}), and so move your runs; "
            "allowed: a folder with the sticky bit (chmod +t), or that not everyone may write to (chmod o-w)"
        )
