"""How many trials a run has and was asked for: its manifest."""

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
        write_manifest(folder, read_manifest(folder)["trials"], trials)


def write_manifest(folder: Path, trials: int, asked: int) -> None:
    """Writes how many trials the run in ``folder`` has, and how many it was asked for (0: as it began)."""
    counted = {"trials": trials} | ({"asked": asked} if asked else {})
    write_text(folder / MANIFEST_FILE, json.dumps(counted))


def read_manifest(folder: Path) -> dict[str, int]:
    """How many ``trials`` the run in ``folder`` has, and how many it was ``asked`` for.

    Raises:
        UserError: Its manifest cannot be understood.
    """
    path = folder / MANIFEST_FILE
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return {"trials": int(content["trials"]), "asked": int(content.get("asked", 0))}
    except FileNotFoundError:
        return {"trials": 0, "asked": 0}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise UserError(f"{path}: is no manifest of a run") from None
