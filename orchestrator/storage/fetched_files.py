"""Fetches files by name from a run's storage."""

from __future__ import annotations

import os
import re
from functools import partial
from pathlib import Path

from .inside import inside
from .patience import patiently
from .run_files import (
    CONFIG_FILE,
    IDENTITY_FILE,
    JOURNAL_FILE,
    MANIFEST_FILE,
    SPACE_FILE,
    SWEEP_FILE,
    TASKS_FILE,
    TOKENIZER_FOLDER,
    TRAIN_FILE,
    TRIALS_FOLDER,
)
from .trial_files import (
    ERROR_NAMES,
    REPORTS_FILE,
    STATE_FILE,
    STATUS_FILE,
    TEST_FOLDER,
    TRIAL_FILE,
    TRIES_FILE,
    VERDICTS_FILE,
)
from .url_folder import Storage


def _any(*names: str) -> str:
    return "|".join(map(re.escape, names))


_LEFT = rf"{TEST_FOLDER}/[^/]+\.(json|csv|npz|png|pdf)|{ERROR_NAMES}|{_any(TRIES_FILE)}"

# Taken when the run is restored, and never again.
RUNS_OWN = re.compile(
    _any(IDENTITY_FILE, TASKS_FILE, SWEEP_FILE, SPACE_FILE, TRAIN_FILE, CONFIG_FILE)
    + rf"|{TOKENIZER_FOLDER}/[^/]+"
)
"""The files of a run itself."""

# A trial's configuration is not taken. It is made anew from the trial's values, since people run it again.
TRIALS_OWN = re.compile(
    rf"{_any(MANIFEST_FILE)}|{TRIALS_FOLDER}/[^/]+/"
    rf"({_any(TRIAL_FILE, VERDICTS_FILE, STATUS_FILE, STATE_FILE, REPORTS_FILE)}"
    rf"|[^/]+\.(csv|png|pdf)|{_LEFT})"
)
"""The files of its trials that the driver wrote."""

LEFT = re.compile(_LEFT)
"""The files, in a trial's own folder, that the machines that trained the trial left there."""


def fetch(storage: Storage, folder: Path, journal: bytes, *wanted: re.Pattern[str]) -> None:
    """Fetches the wanted files and the journal. A trial's status comes after its other files.

    Args:
        storage: The run's storage.
        folder: Where the files are put.
        journal: The journal; empty: none.
        wanted: The files' names.

    Raises:
        UserError: A name leads out of the folder.
        StorageDown: The storage stays out of reach.
    """
    names = [
        name
        for name in storage.names()
        if inside(folder, name) and any(kind.fullmatch(name) for kind in wanted)
    ]
    for name in sorted(names, key=lambda name: name.endswith(f"/{STATUS_FILE}")):
        patiently(partial(storage.get_into, folder, name), storage)
    if journal:
        fresh = inside(folder, f"{JOURNAL_FILE}.partial")
        fresh.write_bytes(journal)
        os.replace(fresh, folder / JOURNAL_FILE)
