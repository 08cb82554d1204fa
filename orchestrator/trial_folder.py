"""A trial's folder, on whatever machine works on it."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from . import checkpoint
from .errors import UserError
from .full_disk import is_full
from .job import Job
from .storage import Storage
from .trial_files import STATE_FILE, TESTED_FILE, newest_state, whole_state

_PAUSES = (0.5, 2.0, 8.0)  # seconds before a storage that failed is asked again


class StorageDown(Exception):
    """A storage did not take, or give, what a trial needs: no other trial would fare better."""


@dataclass(frozen=True)
class TrialFolder:
    """``path``: where to work. ``storage``: where what was finished is kept; None: in ``path`` itself. A
    :class:`~orchestrator.checkpoint.Keeper`.
    """

    path: Path
    storage: Storage | None

    def arrays(self, folder: Path, task: int) -> None:
        """See :class:`~orchestrator.checkpoint.Keeper`. Raises :class:`StorageDown`."""
        if self.storage is None:
            return
        there = checkpoint.folder_of(Path(), task).as_posix()
        for file in sorted(folder.rglob("*")):
            if file.is_file() and file.name != STATE_FILE:
                self._put(file, f"{there}/{file.relative_to(folder).as_posix()}")

    def commit(self, task: int) -> None:
        """See :class:`~orchestrator.checkpoint.Keeper`. Raises :class:`StorageDown`."""
        if self.storage is not None:
            name = f"{checkpoint.folder_of(Path(), task).as_posix()}/{STATE_FILE}"
            self._put(self.path / name, name)

    def keep_test(self) -> None:
        """Keeps what a look at the test splits left, the file that vouches for it last."""
        if self.storage is None:
            return
        found = [f"test/{file.name}" for file in (self.path / "test").glob("*") if file.is_file()]
        for name in sorted(found, key=lambda name: (name == TESTED_FILE, name)):
            self._put(self.path / name, name)

    def _put(self, file: Path, name: str) -> None:
        _patient(lambda: self.storage.put(file, name), self.storage)


@contextmanager
def trial_folder(job: Job) -> Iterator[TrialFolder]:
    """The trial's own folder; with a storage one of this process, with what the job needs of what was kept:
    to go on, the newest checkpoint, to test, all of them. Raises :class:`StorageDown`.
    """
    if job.storage is None:
        yield TrialFolder(job.folder, None)
        return
    here = Path(tempfile.mkdtemp(prefix="vlcl-"))
    try:
        _patient(lambda: _fetch(job, here), job.storage)
        yield TrialFolder(here, job.storage)
    finally:
        shutil.rmtree(here, ignore_errors=True)


def _fetch(job: Job, here: Path) -> None:
    kept = list(job.storage.names("checkpoints"))
    while (newest := newest_state(kept)) is not None:
        folder = newest.rpartition("/")[0]
        found = [name for name in kept if name.startswith(f"{folder}/")]
        # The file that vouches for the others comes last here as well.
        for name in sorted(found, key=lambda name: name.endswith(STATE_FILE)):
            job.storage.get_into(here, name)
        if job.kind == "train" and whole_state(here / folder) is not None:
            return
        kept = [name for name in kept if name not in found]


def _patient(ask: Callable[[], None], storage: Storage) -> None:
    for pause in (*_PAUSES, None):
        try:
            return ask()
        except UserError:
            raise
        except Exception as error:  # noqa: BLE001 - every file system has errors of its own
            if is_full(error):
                raise
            if pause is None:
                line = (str(error).strip().splitlines() or [type(error).__name__])[0]
                raise StorageDown(f"{storage.url} cannot be reached: {line}") from error
            time.sleep(pause)
