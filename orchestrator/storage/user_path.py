"""A path as a user types it."""

from __future__ import annotations

from pathlib import Path

from ..errors import UserError


def user_path(text: str | Path, *, follow: bool = True) -> Path:
    """``text``, absolute, with ``~`` read as a shell does. ``follow``: and links followed.

    :class:`~orchestrator.errors.UserError`: ``~NAME`` of a user that is not there, or a loop of links.
    """
    try:
        path = Path(text).expanduser()
        return path.resolve() if follow else path.absolute()
    except RuntimeError as error:
        raise UserError(f"{text}: is no path here ({error}); allowed: a file or a folder") from None
