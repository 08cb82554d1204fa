"""Whether what lies in a folder stays where it is put."""

from __future__ import annotations

import os
import stat
from pathlib import Path


def movable_by(folder: Path) -> str | None:
    """Who but this user may rename what lies in ``folder``, as a reason in one line; None: nobody.

    ``folder``: a resolved path. Who owns ``/`` rules the machine: root, or, where a user namespace does not
    know root, whom it shows in its place. Below a folder that its owner alone may enter nobody else comes.
    """
    trusted = os.getuid(), os.stat("/").st_uid
    for place in reversed((folder, *folder.parents)):
        found = place.stat()
        mode = stat.S_IMODE(found.st_mode)
        if found.st_uid not in trusted:
            return f"{place} is user {found.st_uid}'s, who may rename what lies there"
        if mode & (stat.S_IWGRP | stat.S_IWOTH) and not mode & stat.S_ISVTX:
            return f"others may rename what lies in {place} (mode {mode:o})"
        if found.st_uid == os.getuid() and not mode & (stat.S_IRWXG | stat.S_IRWXO):
            return None
    return None
