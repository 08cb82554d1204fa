"""Names that become files and folders."""

from __future__ import annotations

import re

from ..errors import UserError

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def check_plain(name: str, where: str) -> None:
    """Raises a one-line :class:`~orchestrator.errors.UserError`, which begins with ``where``, for a name that
    could lead to another folder, or that a shell would not take as it is.
    """
    if not _PLAIN.fullmatch(name):
        raise UserError(
            f"{where} {name!r}: allowed are 1 to 100 letters, digits, '.', '_', '-', the first no sign"
        )


def file_name(name: str) -> str:
    """The name of a method or stream as part of a file's: of ``package.module:Class`` the colon is a dot."""
    return name.replace(":", ".").lstrip("_")
