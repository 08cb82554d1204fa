"""Checks file names that come from elsewhere."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from ..errors import UserError


def inside(folder: Path, name: str, *, links: bool = True) -> Path:
    """``folder / name``, where ``name`` cannot lead out of ``folder``.

    Args:
        folder: A folder of this machine.
        name: A name with ``/`` that a bucket, a journal or a manifest holds.
        links: Whether the name may lead elsewhere through a link in ``folder``, which the folder's owner
            made.

    Raises:
        UserError: The name is absolute, has ``.`` or ``..`` or empty parts, backslashes or NUL, or leads out
            of ``folder``. The message is one line.
    """
    parts = name.split("/")
    plain = not PurePosixPath(name).is_absolute() and not any(part in ("", ".", "..") for part in parts)
    path = folder / name
    if plain and "\0" not in name and "\\" not in name and (links or _stays(folder, path)):
        return path
    raise UserError(f"file name {name[:200]!r}: leads out of {folder}; allowed: names inside it")


def _stays(folder: Path, path: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())
