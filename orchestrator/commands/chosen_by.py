"""Finds the search that chose a configuration's values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..config import RunConfig
from ..errors import UserError
from ..storage.identity import Identity
from ..storage.run_files import SWEEP_FILE, TRIALS_FOLDER


def chosen_by(file: Path, config: RunConfig) -> str:
    """Finds the trial of a sweep whose values a run has.

    Args:
        file: The configuration's file that was given.
        config: The run's configuration.

    Returns:
        ``RUN/TRIAL``, the sweep's identity and the trial's id. Empty where the file is no trial's of a sweep,
        or where the run has another value of ``method.*`` or ``replay.*`` than the trial.
    """
    trial = file.resolve().parent
    run = trial.parent.parent
    if trial.parent.name != TRIALS_FOLDER or not (run / SWEEP_FILE).is_file():
        return ""
    try:
        identity, same = Identity.of(run), _values(RunConfig.load_yaml(file)) == _values(config)
    except UserError:  # a sweep of an earlier version
        return ""
    return f"{identity.run}/{trial.name}" if same else ""


def _values(config: RunConfig) -> dict[str, Any]:
    return {key: value for key, value in config.flat().items() if key.startswith(("method.", "replay."))}
