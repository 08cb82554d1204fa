"""The folder of Ray's session, for files that are removed with it."""

from __future__ import annotations

import os
from pathlib import Path

from ..storage.movable import movable_by
from .ray_private import this_node


def session_place() -> str | None:
    """The resolved path of Ray's session folder on this machine. Files that a killed process leaves there are
    removed with it.

    None: this process is in no session, or others could put another folder in its place. Ray lets everybody
    write there, and this Ray's folder may lie where all may enter.
    """
    node = this_node()
    if node is None:
        return None
    path = os.path.realpath(node.get_session_dir_path())
    return path if movable_by(Path(path)) is None else None
