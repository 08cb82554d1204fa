"""HDF5 files that many readers of one process share."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

from ...errors import UserError

if TYPE_CHECKING:
    import h5py

H5_LOCK = threading.RLock()
"""Held while an open file is used: the HDF5 library is not made for several threads, and a file that has
changed is closed when it is next asked for."""

_open: dict[str, tuple[tuple[int, ...], h5py.File]] = {}


def open_h5(path: str) -> h5py.File:
    """The file, opened for reading once a process, and anew when it has changed. To be called, and the file
    to be used, under :data:`H5_LOCK`.

    :class:`~orchestrator.errors.UserError` for a file that is missing, no HDF5 file, or cut short.
    """
    import h5py

    try:
        found = os.stat(path)
        # A handle does not survive a fork.
        identity = (os.getpid(), found.st_ino, found.st_size, found.st_mtime_ns)
        if path in _open and _open[path][0] != identity:
            _open.pop(path)[1].close()
        if path not in _open:
            # Many network file systems have no locks, and nothing is written here.
            _open[path] = (identity, h5py.File(path, "r", locking=False))
        return _open[path][1]
    except OSError as error:
        reason = error.strerror or reason_of(error)
        raise UserError(f"{path}: cannot be read ({reason}), allowed: a whole HDF5 file") from None


def reason_of(error: Exception) -> str:
    """The library's message on one line."""
    return " ".join(str(error.args[0] if error.args else error).split())
