"""A run's files at a storage, for when its own machine is gone, and of its trials here."""

from __future__ import annotations

import os
import shutil
import uuid
from contextlib import suppress
from pathlib import Path

from .errors import UserError
from .identity import IDENTITY_FILE, Identity
from .inside import inside
from .storage import Storage
from .trial_files import STATE_FILE, newest_state

_OWN = ("*.yaml", IDENTITY_FILE, "manifest.json", "tokenizer/*")
_TRIAL = ("trial.json", "config.yaml", "verdicts.json", "*.png", "*.csv", "test/*", "tasks.jsonl")
_LAST = "status.json"  # vouches for the other files of a trial
_JOURNAL = "tracking.jsonl"
_PARTS = "tracking"  # the folder at the storage that has the journal in parts, each named by where it begins


class RunStorage:
    """What the run in ``folder`` has at ``storage``: its trials' checkpoints, which the machines that work on
    them keep there, and a copy of the driver's own files.

    What a call copies is what has changed since the last one: nothing is listed, and of the journal only what
    is new goes.
    """

    def __init__(self, storage: Storage, folder: Path) -> None:
        self.storage = storage
        self._folder = folder
        self._known: dict[str, tuple[int, int]] = {}
        self._sent: int | None = None

    def trial(self, trial_id: str) -> Storage:
        """Where a trial's files are kept."""
        return self.storage.below(f"trials/{trial_id}")

    def pull(self, trial_id: str) -> None:
        """Brings here what the machines that worked on a trial left: its newest state, which has its reports
        and curves, and its test results.
        """
        kept, here = self.trial(trial_id), self._folder / "trials" / trial_id
        names = list(kept.names())
        if (newest := newest_state(names)) is not None:
            kept.get_into(here, newest, STATE_FILE)
            kept.get_into(here, f"{newest.rpartition('/')[0]}/curves.csv", "curves.csv")
        # Of what a look at test left, metrics.json vouches for the rest.
        for name in sorted(names, key=lambda name: name == "test/metrics.json"):
            if name.startswith(("test/", "error-")):
                kept.get_into(here, name)

    def push(self, trial_id: str | None = None) -> None:
        """Copies the driver's own files there that have changed since, and those of one trial."""
        files = [path for pattern in _OWN for path in sorted(self._folder.glob(pattern))]
        if trial_id is not None:
            place = self._folder / "trials" / trial_id
            files += [path for pattern in (*_TRIAL, _LAST) for path in sorted(place.glob(pattern))]
        for path in files:
            name, status = path.relative_to(self._folder).as_posix(), path.stat()
            seen = (status.st_mtime_ns, status.st_size)
            if path.is_file() and self._known.get(name) != seen:
                self.storage.put(path, name)
                self._known[name] = seen
        self._push_journal()

    def restore(self, name: str) -> bool:
        """Makes ``folder``, of the run ``name``, anew from what is there, its checkpoints left there; False
        where no run is.

        The folder appears whole or not at all. :class:`~orchestrator.errors.UserError`: part of the journal
        is missing, or a name leads out of the folder.
        """
        if self.storage.read(IDENTITY_FILE) is None:
            return False
        # Deeper than a run's folder lies, so that what a kill leaves of it is taken for no run.
        aside = self._folder.parent / ".restoring"
        aside.mkdir(parents=True, exist_ok=True)
        for left in aside.glob(f"{name}.*"):
            shutil.rmtree(left, ignore_errors=True)
        partial = aside / f"{name}.{uuid.uuid4().hex[:8]}"
        partial.mkdir()
        try:
            self._fetch(partial)
            os.rename(partial, self._folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
            with suppress(OSError):  # another run is being restored there
                aside.rmdir()
        return True

    def agree(self) -> None:
        """Brings here what another machine added to the run since this folder was left.

        :class:`~orchestrator.errors.UserError`, one line: the storage is another run's, or this folder and
        the storage have each what the other has not.
        """
        Identity.of(self._folder).claim(self.storage, new=False)
        there = self._trials_there()
        here = {path.parent.name for path in self._folder.glob("trials/*/trial.json")}
        ahead = self._sent_bytes() - self._journal_bytes()
        if not there - here and ahead <= 0:
            return
        if here - there:
            raise UserError(
                f"{self._folder} and {self.storage.url} have gone different ways: {_some(here - there)} lies "
                f"here alone, {_some(there - here) or 'part of the record'} there; allowed: to remove one of "
                "the two"
            )
        self._fetch(self._folder)

    def keep_only(self, trial_id: str, task: int) -> None:
        """Deletes every checkpoint of a trial but the one after ``task`` (from 0)."""
        kept = self.trial(trial_id)
        for number in {name.split("/")[1] for name in kept.names("checkpoints")} - {f"task_{task:02d}"}:
            kept.delete(f"checkpoints/{number}")

    def _fetch(self, folder: Path) -> None:
        names = [n for n in self.storage.names() if not (n.startswith("trials/") and "/checkpoints/" in n)]
        for name in sorted(names, key=lambda name: name.endswith(f"/{_LAST}")):
            if not name.startswith(f"{_PARTS}/"):
                self.storage.get_into(folder, name)
        self._fetch_journal(folder, sorted(n for n in names if n.startswith(f"{_PARTS}/")))

    def _fetch_journal(self, folder: Path, parts: list[str]) -> None:
        if not parts:
            return
        path = inside(folder, _JOURNAL)
        partial = path.with_name(f"{_JOURNAL}.partial")
        with open(partial, "wb") as whole:
            for part in parts:
                if part != _part(whole.tell()):
                    raise UserError(
                        f"{self.storage.url}: the record is cut short, {_part(whole.tell())} is missing; "
                        "allowed: all that the run put there"
                    )
                text = self.storage.read(part)
                whole.write((text or "").encode())
        os.replace(partial, path)

    def _push_journal(self) -> None:
        path, begin = self._folder / _JOURNAL, self._sent_bytes()
        if not path.exists():
            return
        with open(path, "rb") as file:
            file.seek(begin)
            fresh = file.read()
        if fresh:
            self.storage.write(_part(begin), fresh)
            self._sent = begin + len(fresh)

    def _sent_bytes(self) -> int:
        """Bytes of the journal that the storage has."""
        if self._sent is None:
            parts = sorted(self.storage.names(_PARTS))
            self._sent = int(Path(parts[-1]).stem) + self.storage.size(parts[-1]) if parts else 0
        return self._sent

    def _journal_bytes(self) -> int:
        path = self._folder / _JOURNAL
        return path.stat().st_size if path.exists() else 0

    def _trials_there(self) -> set[str]:
        names = (name.split("/") for name in self.storage.names("trials"))
        return {parts[1] for parts in names if parts[2:] == ["trial.json"]}


def _part(begin: int) -> str:
    return f"{_PARTS}/{begin:015d}.jsonl"


def _some(names: set[str]) -> str:
    return ", ".join(sorted(names)[:3])
