"""Reads text files that a user wrote."""

from __future__ import annotations

import codecs
from pathlib import Path

from ...errors import UserError


def read_text(path: str, allowed: str) -> str:
    """Reads a UTF-8 file, with or without a byte order mark. Line ends stay as they are.

    Args:
        path: The file.
        allowed: What the file should be, for errors.

    Raises:
        UserError: The file cannot be read or is not UTF-8. The message is one line.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}), allowed: {allowed}") from None
    mark = len(codecs.BOM_UTF8) if data.startswith(codecs.BOM_UTF8) else 0
    try:
        return data[mark:].decode()
    except UnicodeDecodeError as error:
        byte = mark + error.start
        line = data.count(b"\n", 0, byte) + 1
        raise UserError(
            f"{path}:{line}: not UTF-8 (byte {byte} of the file), allowed: {allowed}, in UTF-8"
        ) from None
