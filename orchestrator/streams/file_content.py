"""Computes a digest of files, with as little reading as is safe."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

from ..storage.file_sha256 import file_sha256
from .in_pieces import THREADS, in_pieces

_READ_WHOLE = 256 * 2**20


def file_content(paths: Iterable[str], whole: bool | None = None) -> bytes:
    """A digest of the files at ``paths``, in that order.

    It covers each file's size. Where all files together have at most 256 MiB it covers their bytes, else the
    time of each file's last change, in whole seconds. Therefore, where reading takes no more than a second or
    two, the same files have the same digest elsewhere, however they were copied there. Larger data keeps its
    digest where it was moved, or copied with its times (``cp -p``, ``rsync -t``, ``tar``, ``aws s3 sync``).
    The paths are not part of the digest. A file that does not exist counts as a file without size, bytes and
    time.

    Args:
        paths: The files.
        whole: Whether it covers the bytes, and no times; None: as above.
    """
    paths = list(paths)
    digest = hashlib.sha256()
    with ThreadPoolExecutor(THREADS) as pool:
        stats = list(in_pieces(pool, _stat, paths))
        if whole is None:
            whole = _is_small(stats)
        for (size, changed, _), content in zip(stats, _contents(pool, paths, stats, whole), strict=True):
            digest.update(repr((size, content if whole else changed)).encode())
    return digest.digest()


def is_small(paths: Iterable[str]) -> bool:
    """Whether :func:`file_content` of these files covers their bytes."""
    with ThreadPoolExecutor(THREADS) as pool:
        return _is_small(list(in_pieces(pool, _stat, list(paths))))


_Stat = tuple[int, int, tuple[int, int]]
"""A file's size in bytes, the time of its last change in whole seconds, and a mark that changes whenever the
file does.
"""


def _is_small(stats: list[_Stat]) -> bool:
    return sum(size for size, _, _ in stats) <= _READ_WHOLE


def _contents(pool: ThreadPoolExecutor, paths: list[str], stats: list[_Stat], whole: bool) -> Iterator[str]:
    if not whole:
        return iter([""] * len(paths))
    return in_pieces(pool, lambda file: _hashed(*file), list(zip(paths, stats, strict=True)))


def _stat(path: str) -> _Stat:
    try:
        status = os.stat(path)
    except OSError:
        return -1, 0, (0, 0)
    return status.st_size, int(status.st_mtime), (status.st_ino, status.st_mtime_ns)


# A run asks for the files of its stream, and for those of each of its tasks.
@lru_cache(maxsize=2**17)
def _hashed(path: str, status: _Stat) -> str:
    del status
    try:
        return file_sha256(path)
    except OSError:
        return ""
