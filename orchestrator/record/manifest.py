"""How many trials a run has and was asked for, and how many tasks its stream has: its manifest."""

from __future__ import annotations

import json
from pathlib import Path

from ..errors import UserError
from ..storage.atomic_write import write_text
from ..storage.run_files import MANIFEST_FILE


def asked_for(folder: Path) -> int:
    """How many trials the run in ``folder`` was asked for since it was started; 0 where nothing says so.

    Raises:
        UserError: The run's manifest cannot be understood.
    """
    return read_manifest(folder)["asked"]


def ask_for(folder: Path, trials: int) -> None:
    """Writes down that the run in ``folder`` is to have so many trials."""
    if trials != asked_for(folder):
        known = read_manifest(folder)
        write_manifest(folder, known["trials"], trials, known["tasks"])


def write_manifest(folder: Path, trials: int, asked: int, tasks: int) -> None:
    """Writes how many trials the run in ``folder`` has, how many it was asked for (0: as it began), and how
    many tasks its stream has (0: nobody knows).
    """
    counted = {"trials": trials} | ({"asked": asked} if asked else {}) | ({"tasks": tasks} if tasks else {})
    write_text(folder / MANIFEST_FILE, json.dumps(counted))


def read_manifest(folder: Path) -> dict[str, int]:
    """How many ``trials`` the run in ``folder`` has, how many it was ``asked`` for, and how many ``tasks``
    its stream has; 0 where nothing says so.

    Raises:
        UserError: Its manifest cannot be understood.
    """
    path = folder / MANIFEST_FILE
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        more = {name: int(content.get(name, 0)) for name in ("asked", "tasks")}
        return {"trials": int(content["trials"]), **more}
    except FileNotFoundError:
        return {"trials": 0, "asked": 0, "tasks": 0}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise UserError(f"{path}: is no manifest of a run") from None
