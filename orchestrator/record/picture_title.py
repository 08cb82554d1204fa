"""What a run's own pictures are called."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from pathlib import Path

import numpy as np

from ..errors import UserError
from ..schema import strict_yaml
from ..storage.run_files import CONFIG_FILE
from ..storage.trial_files import STATUS_FILE, TESTED_FILE

_SCORES = {"r_mean": "R_m", "accuracy": "accuracy"}
_OF_TASK = r"(?:validation|test)/task_\d+/(\w+)"  # a task's own


def run_title(trial: Path) -> str:
    """Method, stream and seed of the trial in a folder, as its configuration says; the folder's name where it
    does not.
    """
    try:
        config, _ = strict_yaml.read(trial / CONFIG_FILE)
        method, stream = config["method"]["name"], config["stream"]["name"]
        return f"{method} on {stream}, seed {config['run']['seed']}"
    except (UserError, KeyError, TypeError):
        return trial.name


def score_title(trial: Path, split: str, matrix: np.ndarray) -> str:
    """The score of the trial's ``matrix`` (S, T), its split and its mean over the S tasks that were done, as
    ``R_m on test, 61.2 % on average in the end``, or ``after 2 of 5 tasks`` where it did not come to the end.
    """
    known = {match[1] for name in _metrics(trial, split) if (match := re.fullmatch(_OF_TASK, name))}
    score = next((score for name, score in _SCORES.items() if name in known), "score")
    done, tasks = matrix.shape
    last = float(np.mean(matrix[-1, :done])) if done else float("nan")
    when = "in the end" if done == tasks else f"after {done} of {tasks} tasks"
    return f"{score} on {split}" + (f", {last:.1f} % on average {when}" if np.isfinite(last) else "")


def _metrics(trial: Path, split: str) -> Collection[str]:
    path = trial / (TESTED_FILE if split == "test" else STATUS_FILE)
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return list(found if split == "test" else found["reports"][0])
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return []
