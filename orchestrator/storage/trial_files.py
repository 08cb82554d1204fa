"""The files of a trial's folder. They are read without importing torch."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..errors import UserError
from .task_key import TASK_KEY

TRIAL_FILE = "trial.json"
"""The proposal, and the trial's number."""

VERDICTS_FILE = "verdicts.json"
"""The search's verdict on the trial after each task."""

REPORTS_FILE = "tasks.jsonl"
"""The reports, one line for each finished task, for people and for comparisons."""

CURVES_FILE, CURVES_PICTURE = "curves.csv", "curves.png"
"""The terms of the loss, step by step."""

DRIFT_PICTURE = "drift.png"
"""In recognition, the angle between texts and pictures."""

CHECKPOINTS_FOLDER = "checkpoints"
"""A folder in it for each finished task."""

TRIES_FILE, TRIES_FOLDER = "tries.jsonl", "tries"
"""Where values are chosen at each task: its trainings, a line each, and what the best one of the task under
way left.
"""

STATUS_FILE = "status.json"
"""Exists where the trial has ended."""

STATE_FILE = "state.json"
"""The file of a checkpoint that is written last, by which a task becomes finished.

It has the reports of all tasks so far. In a trial's own folder it is the newest one, fetched from a storage.
"""

TEST_FOLDER = "test"
"""The folder of the results of an evaluation of the test splits."""

TESTED_FILE = f"{TEST_FOLDER}/metrics.json"
"""Exists where the test splits were evaluated. It is the last file of ``test`` to be written."""

MATRIX_FILE, MATRIX_PICTURE = "matrix.csv", "matrix.png"
"""The scores on each task after each task."""

TEST_MATRIX_FILE, TEST_MATRIX_PICTURE = f"{TEST_FOLDER}/{MATRIX_FILE}", f"{TEST_FOLDER}/{MATRIX_PICTURE}"
"""The same on test data."""

CHECKPOINTS_FILE = f"{TEST_FOLDER}/checkpoints.csv"
"""In retrieval, the scores of each checkpoint and of the last one on the tasks so far."""

PREDICTIONS_FILE = f"{TEST_FOLDER}/predictions.npz"
"""What the model after the last task said of each sample of the test splits."""

_ERROR = "error-"
ERROR_NAMES = rf"{_ERROR}[^/]+\.txt"
"""A pattern of the names that :func:`error_file` gives."""

_STATE = re.compile(rf"{CHECKPOINTS_FOLDER}/{TASK_KEY}/{re.escape(STATE_FILE)}")


def error_file(process: int) -> str:
    """The name of the file in which a worker process leaves the traceback of an error."""
    return f"{_ERROR}{process}.txt"


def checkpoint_folders(trial: Path) -> list[Path]:
    """The folders of a trial's checkpoints, by name. Among them are those of checkpoints that were cut short.
    Their names have an ending.
    """
    folders = (trial / CHECKPOINTS_FOLDER).glob("*")
    return sorted(folder for folder in folders if re.match(TASK_KEY, folder.name))


def newest_state(names: Iterable[str]) -> str | None:
    """The name of the newest checkpoint's state among the names of a trial's files; None without one."""
    states = {int(match[1]): match[0] for name in names if (match := _STATE.fullmatch(name))}
    return states[max(states)] if states else None


def tasks_done(state: str) -> int:
    """How many tasks were finished when a checkpoint was written.

    Args:
        state: The name of the checkpoint's state.
    """
    match = _STATE.fullmatch(state)
    assert match is not None, state
    return int(match[1])


def whole_state(folder: Path) -> dict[str, Any] | None:
    """Reads the state of the checkpoint in ``folder``.

    Returns:
        The state; None where there is no checkpoint, or where it was cut short.

    Raises:
        OSError: The checkpoint exists and cannot be read, which does not tell whether it is whole.
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
    """The reports of a trial in its newest whole checkpoint.

    Args:
        trial: The trial's folder.
        stamp: The stamp that the checkpoint must carry. Nothing is taken from a checkpoint with another
            stamp. None: any stamp.

    Returns:
        One dictionary of metrics for each finished task.
    """
    states = [whole_state(folder) for folder in checkpoint_folders(trial) if folder.suffix == ""]
    if (trial / STATE_FILE).exists():
        states.append(_brought(trial / STATE_FILE))
    fitting = [s["reports"] for s in states if s is not None and stamp in (None, s.get("stamp"))]
    return max(fitting, key=len, default=[])


def tested_in(trial: Path, stamp: Mapping[str, str] | None = None) -> dict[str, float]:
    """Reads what the evaluation on the test splits measured.

    Args:
        trial: The trial's folder.
        stamp: The stamp that the results must carry. None: any stamp.

    Returns:
        The test metrics; empty where the test splits were not evaluated.

    Raises:
        UserError: The results carry another stamp, or cannot be read.
    """
    path = trial / TESTED_FILE
    try:
        tested = json.loads(path.read_text(encoding="utf-8"))
        of = tested.pop("stamp", None)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise UserError(f"{path}: cannot be read ({error}); allowed: what the run wrote there") from None
    if stamp is not None and of != stamp:
        raise UserError(f"{path}: is another run's, or was changed; allowed: what the run wrote there")
    return tested


def _brought(path: Path) -> dict[str, Any] | None:
    try:
        state = json.loads(path.read_text(encoding="utf-8"))
        return state if isinstance(state["reports"], list) else None
    except (ValueError, KeyError, TypeError):
        return None
