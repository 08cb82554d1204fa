"""What lies in a run's folder, ``runs/NAME``. :mod:`~orchestrator.storage.trial_files` has a trial's."""

from __future__ import annotations

from pathlib import Path

SWEEP_FILE, SPACE_FILE = "sweep.yaml", "space.yaml"
"""What a sweep was asked for, and the search space as it was."""

TRAIN_FILE, CONFIG_FILE = "train.yaml", "config.yaml"
"""What a run without a search was asked for, and the configuration that its seeds share. In a trial's folder:
the trial's whole configuration.
"""

MANIFEST_FILE = "manifest.json"
"""How many trials the run has, and was asked for since it was started."""

JOURNAL_FILE = "tracking.jsonl"
"""The journal of the record."""

TOKENIZER_FOLDER = "tokenizer"
"""What texts are read with; in a checkpoint's folder the same."""

IMPORTANCE_FOLDER, IMPORTANCE_FILE = "importance", "importance.json"
"""Which values of a search mattered: the folder of it, with its pictures, and the file in it."""

TRIALS_FOLDER = "trials"
"""A folder in it for each trial."""


def trials_of(run: Path) -> Path:
    """The folder of a run's trials."""
    return run / TRIALS_FOLDER
