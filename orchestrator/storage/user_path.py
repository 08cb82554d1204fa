"""Reads paths as users type them."""

from __future__ import annotations

from pathlib import Path

from ..errors import UserError


def user_path(text: str | Path, *, follow: bool = True) -> Path:
    """``text`` as an absolute path, with ``~`` as a shell expands it.

    Args:
        text: What the user typed.
        follow: Whether links are followed.

    Raises:
        UserError: ``~NAME`` names a user that does not exist, or there is a loop of links.
    """
    try:
        path = Path(text).expanduser()
        return path.resolve() if follow else path.absolute()
    except RuntimeError as error:
        raise UserError(f"{text}: is no path here ({error}); allowed: a file or a folder") from None
