"""Refuses a copy of a run beside the run itself."""

from __future__ import annotations

from pathlib import Path

from ..errors import UserError
from ..storage.identity import Identity


def check_no_copy(folder: Path, name: str, run: str) -> None:
    """Refuses a folder whose run was last worked on under another name that still lies beside it. Both would
    write to the same entries of the store.

    Args:
        folder: The run's folder.
        name: The name under which the run was last worked on.
        run: The run's identity.

    Raises:
        UserError: ``folder`` is a copy of the folder ``name`` beside it.
    """
    if name == folder.name or "/" in name:
        return
    try:
        other = Identity.of(folder.parent / name).run
    except UserError:  # there is no such run
        return
    if other == run:
        raise UserError(
            f"{folder}: is a copy of {folder.parent / name}, the same run; allowed: --resume {name}, or that "
            "one elsewhere"
        )
