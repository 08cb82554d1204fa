"""Checks names that become names of files and folders."""

from __future__ import annotations

import re

from ..errors import UserError

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def check_plain(name: str, where: str) -> None:
    """Checks that ``name`` cannot lead to another folder and that a shell takes it as it is.

    Args:
        name: A name that a user gave.
        where: The option or key that it came from; the error begins with it.

    Raises:
        UserError: The name is not plain. The message is one line.
    """
    if not _PLAIN.fullmatch(name):
        raise UserError(
            f"{where} {name!r}: allowed are 1 to 100 letters, digits, '.', '_', '-', beginning with a letter "
            "or a digit"
        )


def file_name(name: str) -> str:
    """The name of a method or stream as part of a file's name. In ``package.module:Class`` a dot takes the
    place of the colon.
    """
    return name.replace(":", ".").lstrip("_")
