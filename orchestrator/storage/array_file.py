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
    """An array that is being written in the place of its file.

    Attributes:
        array: A writable memory map.
        length: How many of its rows count; all of them at first.
    """

    def __init__(self, array: np.memmap) -> None:
        self.array = array
        self.length = len(array)


@contextmanager
def writing(path: Path, shape: tuple[int, ...], dtype: np.dtype | type) -> Iterator[ArrayFile]:
    """Opens an :class:`ArrayFile` that becomes ``path`` (.npy, without pickles) at the end of the block.

    The file appears whole. After an error it does not appear at all.

    Args:
        path: The file.
        shape: The array's shape.
        dtype: The array's element type.

    Raises:
        UserError: The disk cannot hold the array. All its space is taken before the first write.
    """
    partial = path.with_name(path.name + ".partial")
    kind = np.dtype(dtype)
    try:
        # The file is always reached by its handle, since in a folder of several users another file may get
        # its name.
        with fresh_file(partial) as file:
            offset = _write_header(file, shape, kind)
            opened = ArrayFile(np.memmap(file, dtype=kind, mode="w+", shape=shape, offset=offset))
            _reserve(file, path)
            yield opened
            length = opened.length
            del opened.array
            if length < shape[0]:
                _cut(file, (length, *shape[1:]), kind, offset)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def _reserve(file: BinaryIO, path: Path) -> None:
    """Allocates the file's blocks now: under a memory map a full disk would be a bus error later."""
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
    """Writes NumPy's header and returns the offset in bytes at which the array begins."""
    file.seek(0)
    header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)
    file.flush()
    return file.tell()


def _cut(file: BinaryIO, shape: tuple[int, ...], dtype: np.dtype, offset: int) -> None:
    """Shortens the file to ``shape``. NumPy pads its headers so that the length of the first axis can change
    in place.
    """
    begin = _write_header(file, shape, dtype)
    if begin != offset:
        raise RuntimeError(f"the header of {file.name} grew from {offset} to {begin} bytes")
    file.truncate(offset + math.prod(shape) * dtype.itemsize)
