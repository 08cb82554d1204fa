"""Computes the digest by which the configuration of a chosen trial is recognised."""

from __future__ import annotations

from pathlib import Path

from ..errors import UserError
from ..storage.identity import digest


def config_digest(file: Path) -> str:
    """The sha256 of a trial's configuration, as its file has it.

    Raises:
        UserError: The file cannot be read. The message is one line.
    """
    try:
        return digest(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{file}: cannot be read ({error}); allowed: what the search wrote there") from None
