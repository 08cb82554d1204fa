"""Finds the folder that an earlier command of a study left of a run."""

from __future__ import annotations

from pathlib import Path

from ..errors import UserError
from ..storage.free_name import is_free
from ..storage.run_folder import RUNS

OWN_RUN = "the study's own run there, or nothing"
"""The allowed content of such a folder, for errors."""


def own_run(name: str, file: str) -> Path | None:
    """Finds the folder ``runs/NAME``. Whether it belongs to the study has still to be checked.

    Args:
        name: The run's name.
        file: The file that has the request of such a run.

    Returns:
        The folder; None where the name is free.

    Raises:
        UserError: Something else has the name. The message is one line.
    """
    folder = RUNS / name
    if is_free(folder.resolve()):
        return None
    if not (folder / file).is_file():
        raise UserError(f"{folder}: has no {file}; allowed: {OWN_RUN}")
    return folder
