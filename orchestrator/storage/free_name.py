"""Whether a run may have a folder's name: an empty folder is no run."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from .run_lock import LOCK_FILE


def is_free(folder: Path) -> bool:
    """Whether no run is in ``folder``, a resolved path: nothing is there, or a folder with nothing in it but,
    perhaps, a run's lock file. A file system that removes late (NFS) leaves one of a start that was refused.
    """
    try:
        return set(os.listdir(folder)) <= {LOCK_FILE}
    except (FileNotFoundError, NotADirectoryError):  # a file, here or in the place of a folder above
        return not os.path.lexists(folder)
    except OSError:  # another user's
        return False


def put_run(made: Path, folder: Path) -> None:
    """Moves the run that was ``made`` elsewhere on the same disk to ``folder``, whose name
    :func:`is_free`. :class:`OSError`: it is so no more.
    """
    with suppress(FileNotFoundError):
        # By its handle: what another command puts there meanwhile has another folder, and another lock.
        place = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            if set(os.listdir(place)) <= {LOCK_FILE}:
                os.unlink(LOCK_FILE, dir_fd=place)
        finally:
            os.close(place)
    os.rename(made, folder)
