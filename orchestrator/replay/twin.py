"""An array's file on disk."""

from __future__ import annotations

import errno
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from ..errors import UserError


class Twin:
    """An array being written, in place of its file. ``array`` is a writable memory map; ``length`` its
    rows that count (all at first).
    """

    def __init__(self, array: np.memmap) -> None:
        self.array = array
        self.length = len(array)


@contextmanager
def writing(path: Path, shape: tuple[int, ...], dtype: np.dtype | type) -> Iterator[Twin]:
    """A :class:`Twin` that becomes ``path`` (.npy, without pickles) whole at the end of the block, and not
    at all on an error.

    Raises UserError when the disk cannot hold it: all its space is taken before the first write.
    """
    partial = path.with_name(path.name + ".partial")
    try:
        twin = Twin(np.lib.format.open_memmap(partial, mode="w+", dtype=dtype, shape=shape))
        _reserve(partial, path)
        yield twin
        length, offset = twin.length, twin.array.offset
        twin.array = None
        if length < shape[0]:
            _cut(partial, (length, *shape[1:]), np.dtype(dtype), offset)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def _reserve(partial: Path, path: Path) -> None:
    """Takes the file's blocks now: a full disk under a memory map would be a bus error later."""
    with open(partial, "r+b") as file:
        size = os.fstat(file.fileno()).st_size
        try:
            os.posix_fallocate(file.fileno(), 0, size)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            free = os.statvfs(partial.parent)
            raise UserError(
                f"no space left for {path}: it needs {size / 1e9:.2f} GB, "
                f"{free.f_bavail * free.f_frsize / 1e9:.2f} GB are free"
            ) from error


def _cut(partial: Path, shape: tuple[int, ...], dtype: np.dtype, offset: int) -> None:
    """Shortens the file to ``shape``. NumPy pads headers so that the first axis may change in place."""
    with open(partial, "r+b") as file:
        header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        if file.tell() != offset:
            raise RuntimeError(f"the header of {partial} grew from {offset} to {file.tell()} bytes")
        file.truncate(offset + math.prod(shape) * dtype.itemsize)
