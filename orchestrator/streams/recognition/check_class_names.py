"""Checks that class names tell classes apart."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from ...errors import UserError
from ..shows import shows


def check_class_names(stream: str, names: Sequence[str], origins: Sequence[str]) -> None:
    """Checks that each class has a name of its own.

    Args:
        stream: The stream's name.
        names: The classes' names.
        origins: Where each class comes from, for errors.

    Raises:
        UserError: A name is empty, no text, or used twice. The message is one line.
    """
    seen: dict[str, tuple[str, str]] = {}
    for written, origin in zip(names, origins, strict=True):
        if not shows(written):
            raise UserError(f"stream {stream}: class name {written!r} of {origin} is empty, allowed: text")
        try:
            written.encode()
        except UnicodeEncodeError:
            raise UserError(
                f"stream {stream}: class name {written!r} is not Unicode, allowed: UTF-8"
            ) from None
        # Names that look alike count as equal: é has two encodings, and data sets write _ for a space.
        key = unicodedata.normalize("NFC", " ".join(written.replace("_", " ").split()))
        if key in seen:
            other, where = seen[key]
            twice = repr(written) if written == other else f"{written!r} (also written {other!r})"
            raise UserError(
                f"stream {stream}: class name {twice} is used twice, for {where} and {origin}, allowed: each "
                "name once"
            )
        seen[key] = written, origin
