"""What lies in a trial's folder, to be read without importing torch."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..errors import UserError

TRIAL_FILE = "trial.json"
"""What was proposed, and the trial's number."""

VERDICTS_FILE = "verdicts.json"
"""What the search said of the trial after each task."""

REPORTS_FILE = "tasks.jsonl"
"""The reports, a line a finished task, for people and for those who compare."""

CURVES_FILE = "curves.csv"
"""The terms of the loss, step by step."""

CHECKPOINTS_FOLDER = "checkpoints"
"""A folder in it for each finished task."""

STATUS_FILE = "status.json"
"""There where the trial has ended."""

STATE_FILE = "state.json"
"""Of a checkpoint's files the one that is written last: with it a task is finished. It has the reports of all
tasks so far. In a trial's own folder: the newest one, brought from a storage.
"""

TEST_FOLDER = "test"
"""What a look at the test splits left."""

TESTED_FILE = f"{TEST_FOLDER}/metrics.json"
"""There where the test splits were looked at; written last of what lies in ``test``."""

MATRIX_FILE = "matrix.csv"
"""The scores on each task after each task."""

TEST_MATRIX_FILE = f"{TEST_FOLDER}/{MATRIX_FILE}"
"""The same on test data."""

_STATE = re.compile(rf"{CHECKPOINTS_FOLDER}/task_(\d+)/{re.escape(STATE_FILE)}")


def newest_state(names: Iterable[str]) -> str | None:
    """Of the names of a trial's files that of the newest checkpoint's state; None without one."""
    found = {int(match[1]): match[0] for name in names if (match := _STATE.fullmatch(name))}
    return found[max(found)] if found else None


def tasks_done(state: str) -> int:
    """How many tasks were finished when a checkpoint was written, of the name of its state."""
    match = _STATE.fullmatch(state)
    assert match is not None, state
    return int(match[1])


def whole_state(folder: Path) -> dict[str, Any] | None:
    """The state of the checkpoint in ``folder``; None where there is none, or where it was cut short.

    :class:`OSError`: it is there and cannot be read, which says nothing of whether it is whole.
    """
    try:
        state = json.loads((folder / STATE_FILE).read_text(encoding="utf-8"))
        sizes = state["sizes"]
        if any((folder / name).stat().st_size != size for name, size in sizes.items()):
            return None
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return state


def reports_in(trial: Path, stamp: dict[str, str] | None = None) -> list[dict[str, float]]:
    """What the trial of a folder has reported, one a finished task: as its newest whole checkpoint says.

    ``stamp``: what the checkpoint must carry; of another one's nothing is taken. None: any.
    """
    folders = trial.glob(f"{CHECKPOINTS_FOLDER}/task_[0-9]*")
    states = [whole_state(folder) for folder in folders if folder.suffix == ""]
    if (trial / STATE_FILE).exists():
        states.append(_brought(trial / STATE_FILE))
    fitting = [s["reports"] for s in states if s is not None and stamp in (None, s.get("stamp"))]
    return max(fitting, key=len, default=[])


def tested_in(trial: Path, stamp: Mapping[str, str] | None = None) -> dict[str, float]:
    """What the look at the test splits found; empty where nobody looked.

    ``stamp``: what it must be of; None: anything. :class:`~orchestrator.errors.UserError`: it is of something
    else, or cannot be read.
    """
    path = trial / TESTED_FILE
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        of = found.pop("stamp", None)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise UserError(f"{path}: cannot be read ({error}); allowed: what the run wrote there") from None
    if stamp is not None and of != stamp:
        raise UserError(f"{path}: is another run's, or was changed; allowed: what the run wrote there")
    return found


def _brought(path: Path) -> dict[str, Any] | None:
    try:
        state = json.loads(path.read_text(encoding="utf-8"))
        return state if isinstance(state["reports"], list) else None
    except (ValueError, KeyError, TypeError):
        return None
