"""The manifest of a run: how many trials it has and was asked for, and how many tasks its stream has."""

from __future__ import annotations

import json
from pathlib import Path

from ..errors import UserError
from ..storage.atomic_write import write_text
from ..storage.run_files import MANIFEST_FILE


def asked_for(folder: Path) -> int:
    """How many trials the run in ``folder`` was asked for after it was started; 0 where its manifest does not
    say.

    Raises:
        UserError: The manifest cannot be understood. The message is one line.
    """
    return read_manifest(folder)["asked"]


def ask_for(folder: Path, trials: int) -> None:
    """Writes down how many trials the run in ``folder`` is to have."""
    if trials != asked_for(folder):
        known = read_manifest(folder)
        write_manifest(folder, known["trials"], trials, known["tasks"])


def write_manifest(folder: Path, trials: int, asked: int, tasks: int) -> None:
    """Writes the manifest of a run.

    Args:
        folder: The run's folder.
        trials: How many trials the run has.
        asked: How many it was asked for after it was started; 0: it was asked for no other number.
        tasks: How many tasks its stream has; 0: that is not known.
    """
    counted = {"trials": trials} | ({"asked": asked} if asked else {}) | ({"tasks": tasks} if tasks else {})
    write_text(folder / MANIFEST_FILE, json.dumps(counted))


def read_manifest(folder: Path) -> dict[str, int]:
    """Reads how many ``trials`` the run in ``folder`` has, how many it was ``asked`` for, and how many
    ``tasks`` its stream has. Each is 0 where the manifest does not say.

    Raises:
        UserError: The manifest cannot be understood. The message is one line.
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
