"""Reads a picture's file without decoding it."""

from __future__ import annotations

import errno
import os
import stat

from .decode import MOST_PIXELS

_MOST = 8 * MOST_PIXELS  # bytes of the largest picture that is decoded, with 16 bits a channel


def picture_bytes(path: str) -> bytes:
    """The bytes of a picture's file.

    Raises:
        OSError: The file cannot be read, is no file (a pipe, a device), or is larger than a picture can be. A
            file may claim any length without taking space.
    """
    with open(path, "rb", opener=_without_waiting) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "is no file")
        if status.st_size > _MOST:
            raise OSError(errno.EFBIG, f"has {status.st_size} bytes, more than {_MOST}")
        return file.read()


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)  # a pipe would wait for a writer
