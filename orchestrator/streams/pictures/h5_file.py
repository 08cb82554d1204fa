"""Opens HDF5 files that many readers of one process share."""

from __future__ import annotations

import errno
import math
import os
import stat
import threading
from typing import TYPE_CHECKING

from ...errors import UserError

if TYPE_CHECKING:
    import h5py

H5_LOCK = threading.RLock()
"""The lock that is held while an open file is used.

The HDF5 library is not made for several threads, and a file that has changed is closed when it is next asked
for.
"""

_MOST = 2**28  # bytes

_open: dict[str, tuple[tuple[int, ...], h5py.File]] = {}


def open_h5(path: str) -> h5py.File:
    """Opens a file for reading once in each process, and anew when it has changed.

    Call this, and use the file, under :data:`H5_LOCK`.

    Raises:
        UserError: The file is missing, is no HDF5 file, or is cut short.
    """
    import h5py

    try:
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode):  # HDF5 reports a folder in several lines, and waits for a pipe
            raise OSError(errno.EINVAL, "is no file")
        # A handle does not survive a fork.
        identity = (os.getpid(), status.st_ino, status.st_size, status.st_mtime_ns)
        if path in _open and _open[path][0] != identity:
            _open.pop(path)[1].close()
        if path not in _open:
            # Many network file systems have no locks, and nothing is written here.
            _open[path] = (identity, h5py.File(path, "r", locking=False))
        return _open[path][1]
    except OSError as error:
        reason = error.strerror or reason_of(error)
        raise UserError(f"{path}: cannot be read ({reason}), allowed: a whole HDF5 file") from None


def check_plain(dataset: h5py.h5d.DatasetID, items: int, path: str) -> None:
    """Checks that numbers of a data set can be read safely.

    Args:
        dataset: The data set.
        items: How many numbers are read.
        path: The file that the data set is in.

    Raises:
        ValueError: Reading takes more than 256 MiB, which chunks may ask for in a file of any size; or the
            numbers lie in another file than ``path``. The message is one line.
    """
    import h5py

    made = dataset.get_create_plist()
    if made.get_layout() == h5py.h5d.VIRTUAL or made.get_external_count() or _file(dataset) != path:
        raise ValueError("lies in another file")
    if made.get_layout() == h5py.h5d.CHUNKED:
        items = max(items, math.prod(made.get_chunk()))
    taken = items * dataset.get_type().get_size()
    if taken > _MOST:
        raise ValueError(f"takes {taken} bytes to read, more than {_MOST}")


def _file(dataset: h5py.h5d.DatasetID) -> str:
    import h5py

    return os.fsdecode(h5py.h5f.get_name(dataset))


def reason_of(error: Exception) -> str:
    """The library's message in one line."""
    return " ".join(str(error.args[0] if error.args else error).split())
