"""A trial's folder, on whatever machine works on it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from . import checkpoint
from .job import Job
from .storage import Storage

_SMALL = ("curves.csv", "tasks.jsonl")


@dataclass(frozen=True)
class TrialFolder:
    """``path``: where to work. ``storage``: where what was finished is kept; None: in ``path`` itself."""

    path: Path
    storage: Storage | None

    def keep(self, task: int) -> None:
        """Keeps what ``task`` (from 0) left: its checkpoint, the file that vouches for it last, then the
        reports.
        """
        if self.storage is None:
            return
        folder = checkpoint.folder_of(self.path, task)
        files = [str(file.relative_to(self.path)) for file in folder.rglob("*") if file.is_file()]
        files.sort(key=lambda name: name.endswith(checkpoint.COMPLETE))
        self.storage.put_all(self.path, [*files, *(name for name in _SMALL if (self.path / name).exists())])


@contextmanager
def trial_folder(job: Job) -> Iterator[TrialFolder]:
    """The trial's own folder; with a storage one of this process, with what the job needs of what was kept:
    to go on, the newest whole checkpoint, to test, all of them. What a test finds is kept at the end.
    """
    if job.storage is None:
        yield TrialFolder(job.folder, None)
        return
    here = Path(tempfile.mkdtemp(prefix="vlcl-"))
    try:
        _fetch(job, here)
        yield TrialFolder(here, job.storage)
        found = [str(file.relative_to(here)) for file in (here / "test").glob("*") if file.is_file()]
        job.storage.put_all(here, found)
    finally:
        shutil.rmtree(here, ignore_errors=True)


def _fetch(job: Job, here: Path) -> None:
    kept = sorted(job.storage.names())
    tasks = sorted({int(Path(name).parent.name[5:]) for name in kept if name.endswith(checkpoint.COMPLETE)})
    for name in set(_SMALL) & set(kept):
        job.storage.get(name, here / name)
    for task in reversed(tasks):
        folder = checkpoint.folder_of(Path(), task).as_posix()
        for name in kept:
            if name.startswith(f"{folder}/"):
                job.storage.get(name, here / name)
        if job.kind == "train" and checkpoint.load(here, task) is not None:
            return
