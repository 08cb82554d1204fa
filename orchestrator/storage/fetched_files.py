"""What is taken from a run's storage, by name."""

from __future__ import annotations

import os
import re
from functools import partial
from pathlib import Path

from .inside import inside
from .patience import patiently
from .run_files import JOURNAL_FILE
from .trial_files import STATUS_FILE
from .url_folder import Storage

# Taken when the run is restored, and never again.
RUNS_OWN = re.compile(r"(identity|tasks)\.json|(sweep|space|train|config)\.yaml|tokenizer/[^/]+")
"""The files of a run itself."""

# Not a trial's configuration, which is made anew from its values, since people run it again.
TRIALS_OWN = re.compile(
    r"manifest\.json|trials/[^/]+/((trial|verdicts|status|state)\.json|tasks\.jsonl|[^/]+\.(csv|png|pdf)"
    r"|error-[^/]+\.txt"
    r"|test/[^/]+\.(json|csv|png|pdf))"
)
"""The files of its trials that the driver wrote."""

LEFT = re.compile(r"test/[^/]+\.(json|csv|png|pdf)|error-[^/]+\.txt")
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
