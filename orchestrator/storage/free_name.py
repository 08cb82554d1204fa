"""Checks whether a folder's name is free for a run. An empty folder is no run."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from .run_files import LOCK_FILE


def is_free(folder: Path) -> bool:
    """Whether no run lies in ``folder``.

    The name is free where nothing exists, or only a folder that holds at most a run's lock file. A file
    system that removes files late (NFS) leaves the lock file of a start that was refused.

    Args:
        folder: A resolved path.
    """
    try:
        return set(os.listdir(folder)) <= {LOCK_FILE}
    except (FileNotFoundError, NotADirectoryError):  # a file lies there, or in the place of a folder above
        return not os.path.lexists(folder)
    except OSError:  # the folder is another user's
        return False


def put_run(made: Path, folder: Path) -> None:
    """Moves a run to ``folder``.

    Args:
        made: The folder in which the run was made, on the same disk.
        folder: A name that :func:`is_free`.

    Raises:
        OSError: The name is not free any more.
    """
    with suppress(FileNotFoundError):
        # The folder is reached by its handle: a run that another command puts there meanwhile has another
        # folder and another lock.
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            if set(os.listdir(handle)) <= {LOCK_FILE}:
                os.unlink(LOCK_FILE, dir_fd=handle)
        finally:
            os.close(handle)
    os.rename(made, folder)
