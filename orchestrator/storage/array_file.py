"""An array's file on disk."""

from __future__ import annotations

import errno
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np

from ..errors import UserError
from .fresh_file import fresh_file


class ArrayFile:
    """An array being written, in place of its file. ``array`` is a writable memory map; ``length`` its
    rows that count (all at first).
    """

    def __init__(self, array: np.memmap) -> None:
        self.array = array
        self.length = len(array)


@contextmanager
def writing(path: Path, shape: tuple[int, ...], dtype: np.dtype | type) -> Iterator[ArrayFile]:
    """A :class:`ArrayFile` that becomes ``path`` (.npy, without pickles) whole at the end of the block, and
    not at all on an error.

    Raises UserError when the disk cannot hold it: all its space is taken before the first write.
    """
    partial = path.with_name(path.name + ".partial")
    kind = np.dtype(dtype)
    try:
        # By its handle throughout: in a folder of several users another file may come to bear its name.
        with fresh_file(partial) as file:
            offset = _write_header(file, shape, kind)
            twin = ArrayFile(np.memmap(file, dtype=kind, mode="w+", shape=shape, offset=offset))
            _reserve(file, path)
            yield twin
            length = twin.length
            del twin.array
            if length < shape[0]:
                _cut(file, (length, *shape[1:]), kind, offset)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def _reserve(file: BinaryIO, path: Path) -> None:
    """Takes the file's blocks now: a full disk under a memory map would be a bus error later."""
    size = os.fstat(file.fileno()).st_size
    try:
        os.posix_fallocate(file.fileno(), 0, size)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        free = os.fstatvfs(file.fileno())
        raise UserError(
            f"no space left for {path}: it needs {size / 1e9:.2f} GB, "
            f"{free.f_bavail * free.f_frsize / 1e9:.2f} GB are free"
        ) from error


def _write_header(file: BinaryIO, shape: tuple[int, ...], dtype: np.dtype) -> int:
    """Where the array begins."""
    file.seek(0)
    header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)
    file.flush()
    return file.tell()


def _cut(file: BinaryIO, shape: tuple[int, ...], dtype: np.dtype, offset: int) -> None:
    """Shortens the file to ``shape``. NumPy pads headers so that the first axis may change in place."""
    found = _write_header(file, shape, dtype)
    if found != offset:
        raise RuntimeError(f"the header of {file.name} grew from {offset} to {found} bytes")
    file.truncate(offset + math.prod(shape) * dtype.itemsize)
