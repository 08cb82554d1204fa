"""The file with the configuration of a trial, as a command takes it."""

from __future__ import annotations

from pathlib import Path

from ..record.trial_entry import TrialEntry
from ..storage.run_files import CONFIG_FILE, trials_of
from ..storage.run_folder import short_path


def config_of(folder: Path, trial: TrialEntry) -> str:
    """The file with a trial's configuration, as a command takes it.

    Args:
        folder: The run's folder.
        trial: The trial.
    """
    return short_path(trials_of(folder) / trial.id / CONFIG_FILE)
