"""The content of the files that a configuration names."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from ..errors import UserError
from .file_sha256 import file_sha256


def files_digests(values: Mapping[str, object]) -> dict[str, str]:
    """The content of each file or folder that a configuration's values name.

    Args:
        values: Dotted key -> value. A value that is no text, or names nothing on this machine, is left out.

    Returns:
        Dotted key -> the sha256 of the file, or of the files in the folder and their names.

    Raises:
        UserError: One of them cannot be read. The message is one line.
    """
    named = {key: Path(os.path.expanduser(value)) for key, value in values.items() if isinstance(value, str)}
    try:
        return {key: _digest(path) for key, path in named.items() if os.path.exists(path)}
    except OSError as error:
        raise UserError(f"{error.filename}: cannot be read ({error.strerror or error})") from error


def _digest(path: Path) -> str:
    if path.is_file():
        told = path.stat()
        return _of_file(path.resolve(), told.st_size, told.st_mtime_ns)
    files = sorted(one for one in path.rglob("*") if one.is_file())
    return hashlib.sha256(
        "".join(f"{one.relative_to(path)} {_digest(one)}\n" for one in files).encode()
    ).hexdigest()


@lru_cache(maxsize=64)
def _of_file(path: Path, size: int, changed: int) -> str:
    """The sha256 of a file, which a process reads once as long as its size and its time stay."""
    return file_sha256(path)
