"""The titles of a run's own pictures."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from pathlib import Path

import numpy as np

from ..errors import UserError
from ..schema import strict_yaml
from ..storage.run_files import CONFIG_FILE
from ..storage.task_key import TASK_KEY
from ..storage.trial_files import STATUS_FILE, TESTED_FILE

_SCORES = {"r_mean": "R_m", "accuracy": "accuracy"}
_OF_TASK = rf"(?:validation|test)/{TASK_KEY}/(?P<metric>\w+)"  # the metric of a single task


def run_title(trial: Path) -> str:
    """The method, stream and seed of the trial in a folder, as its configuration has them; else the folder's
    name.
    """
    try:
        config, _ = strict_yaml.read(trial / CONFIG_FILE)
        method, stream = config["method"]["name"], config["stream"]["name"]
        return f"{method} on {stream}, seed {config['run']['seed']}"
    except (UserError, KeyError, TypeError):
        return trial.name


def score_title(trial: Path, split: str, matrix: np.ndarray) -> str:
    """The score of a trial's matrix, its split, and its mean over the tasks that were done.

    For example ``R_m on test, 61.2 % on average in the end``, or ``after 2 of 5 tasks`` where the trial did
    not reach the end.

    Args:
        trial: The trial's folder.
        split: ``validation`` or ``test``.
        matrix: (S, T), for S tasks done.
    """
    known = {match["metric"] for name in _metrics(trial, split) if (match := re.fullmatch(_OF_TASK, name))}
    score = next((score for name, score in _SCORES.items() if name in known), "score")
    done, tasks = matrix.shape
    last = float(np.mean(matrix[-1, :done])) if done else float("nan")
    when = "in the end" if done == tasks else f"after {done} of {tasks} tasks"
    return f"{score} on {split}" + (f", {last:.1f} % on average {when}" if np.isfinite(last) else "")


def _metrics(trial: Path, split: str) -> Collection[str]:
    path = trial / (TESTED_FILE if split == "test" else STATUS_FILE)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return list(content if split == "test" else content["reports"][0])
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return []
