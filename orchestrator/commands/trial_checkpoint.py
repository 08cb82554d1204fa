"""A checkpoint of an ended trial, from wherever the run keeps it."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path

from ..record.trial_entry import TrialEntry
from ..storage import checkpoint
from ..storage.checkpoint import Checkpoint
from ..storage.identity import Identity
from ..storage.patience import patiently
from ..storage.run_files import TOKENIZER_FOLDER, trials_of
from ..storage.run_folder import kept_at


def trial_checkpoint(
    folder: Path, entry: TrialEntry, task: int, identity: Identity, url: str | None
) -> Checkpoint | None:
    """Reads a trial's checkpoint, here or at the run's storage.

    Args:
        folder: The run's folder.
        entry: The trial.
        task: The number of the task, from 0.
        identity: The run's identity. The checkpoint must carry it.
        url: Where the run is kept beside its folder; None: nowhere.

    Returns:
        The checkpoint; None where there is no whole one.

    Raises:
        UserError: It is another run's, or the storage is out of reach.
    """
    texts = {path.name: path.read_bytes() for path in (folder / TOKENIZER_FOLDER).glob("*")}
    of = identity.stamp(entry.id, entry.values), texts
    saved = checkpoint.load(trials_of(folder) / entry.id, task, *of)
    if saved is None and (kept := kept_at(url, folder)) is not None:
        storage, below = kept.trial(entry.id), checkpoint.folder_of(Path(), task).as_posix()
        with tempfile.TemporaryDirectory(prefix="vlcl-") as here:
            for name in patiently(lambda: list(storage.names(below)), storage):
                patiently(partial(storage.get_into, Path(here), name), storage)
            saved = checkpoint.load(Path(here), task, *of)
    return saved
