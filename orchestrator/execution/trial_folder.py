"""A trial's folder on the machine that trains the trial."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..storage import checkpoint
from ..storage.patience import patiently
from ..storage.trial_files import (
    CHECKPOINTS_FOLDER,
    STATE_FILE,
    TEST_FOLDER,
    TESTED_FILE,
    TRIES_FILE,
    newest_state,
    whole_state,
)
from ..storage.url_folder import Storage
from .job import Job
from .session_place import session_place


@dataclass(frozen=True)
class TrialFolder:
    """A trial's folder. It is a :class:`~orchestrator.storage.checkpoint.Keeper`.

    Attributes:
        path: The folder to work in.
        storage: Where finished work is kept; None: in ``path`` itself.
    """

    path: Path
    storage: Storage | None

    def arrays(self, folder: Path, task: int) -> None:
        """See :class:`~orchestrator.storage.checkpoint.Keeper`.

        Raises:
            StorageDown: The storage is out of reach.
        """
        if self.storage is None:
            return
        there = checkpoint.folder_of(Path(), task).as_posix()
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                self._put(file, f"{there}/{file.relative_to(folder).as_posix()}")

    def commit(self, task: int) -> None:
        """See :class:`~orchestrator.storage.checkpoint.Keeper`.

        Raises:
            StorageDown: The storage is out of reach.
        """
        if self.storage is not None:
            name = f"{checkpoint.folder_of(Path(), task).as_posix()}/{STATE_FILE}"
            self._put(self.path / name, name)

    def file(self, name: str) -> None:
        """See :class:`~orchestrator.storage.checkpoint.Keeper`.

        Raises:
            StorageDown: The storage is out of reach.
        """
        if self.storage is not None:
            self._put(self.path / name, name)

    def keep_test(self) -> None:
        """Keeps the results of the test evaluation. The file that vouches for them is kept last."""
        if self.storage is None:
            return
        results = [
            f"{TEST_FOLDER}/{file.name}" for file in (self.path / TEST_FOLDER).glob("*") if file.is_file()
        ]
        for name in sorted(results, key=lambda name: (name == TESTED_FILE, name)):
            self._put(self.path / name, name)

    def _put(self, file: Path, name: str) -> None:
        patiently(lambda: self.storage.put(file, name), self.storage)


@contextmanager
def trial_folder(job: Job) -> Iterator[TrialFolder]:
    """Opens a trial's folder.

    Without a storage it is the trial's own. With a storage it is a folder of this process, with what the job
    needs of the kept files: the newest checkpoint to continue from, or all checkpoints to test.

    Raises:
        StorageDown: The storage is out of reach.
    """
    if job.storage is None:
        yield TrialFolder(job.folder, None)
        return
    # after a kill it is removed with Ray's folder
    here = Path(tempfile.mkdtemp(prefix="vlcl-", dir=session_place()))
    try:
        patiently(lambda: _fetch(job, here), job.storage)
        yield TrialFolder(here, job.storage)
    finally:
        shutil.rmtree(here, ignore_errors=True)


def _fetch(job: Job, here: Path) -> None:
    assert job.storage is not None, "which the caller has seen"
    if "per_task" in job.base and job.kind == "train":
        job.storage.get_into(here, TRIES_FILE)
    kept = list(job.storage.names(CHECKPOINTS_FOLDER))
    while (newest := newest_state(kept)) is not None:
        folder = newest.rpartition("/")[0]
        files = [name for name in kept if name.startswith(f"{folder}/")]
        # The file that vouches for the others comes last here too.
        for name in sorted(files, key=lambda name: name.endswith(STATE_FILE)):
            job.storage.get_into(here, name)
        if job.kind == "train" and whole_state(here / folder) is not None:
            return
        kept = [name for name in kept if name not in files]
