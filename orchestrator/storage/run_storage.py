"""The copy of a run's files at a storage, for when the run's own machine is gone."""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path

from ..errors import UserError
from .free_name import is_free, put_run
from .identity import IDENTITY_FILE, Identity
from .inside import inside
from .own_folder import check_own
from .patience import patiently
from .run_files import CONFIG_FILE, JOURNAL_FILE, MANIFEST_FILE, TOKENIZER_FOLDER, TRIALS_FOLDER, trials_of
from .run_lock import run_lock
from .task_key import task_key
from .trial_files import (
    CHECKPOINTS_FOLDER,
    CURVES_FILE,
    REPORTS_FILE,
    STATE_FILE,
    STATUS_FILE,
    TEST_FOLDER,
    TESTED_FILE,
    TRIAL_FILE,
    VERDICTS_FILE,
    newest_state,
    reports_in,
    tasks_done,
)
from .url_folder import Storage

_OWN = ("*.yaml", f"{TOKENIZER_FOLDER}/*")
_TRIAL = (TRIAL_FILE, CONFIG_FILE, VERDICTS_FILE, "*.png", "*.pdf", "*.csv", f"{TEST_FOLDER}/*", REPORTS_FILE)
_PROPOSALS = f"{TRIALS_FOLDER}/*/{TRIAL_FILE}"
# What is taken from a storage, by name. A run's own files are taken when the run is restored and never again.
# A trial's configuration is made anew from its values, since people run it again.
_RUNS_OWN = re.compile(r"identity\.json|(sweep|space|train|config)\.yaml|tokenizer/[^/]+")
_TRIALS_OWN = re.compile(
    r"manifest\.json|trials/[^/]+/((trial|verdicts|status|state)\.json|tasks\.jsonl|[^/]+\.(csv|png|pdf)"
    r"|error-[^/]+\.txt"
    r"|test/[^/]+\.(json|csv|png|pdf))"
)
_LEFT = re.compile(r"test/[^/]+\.(json|csv|png|pdf)|error-[^/]+\.txt")
# the storage's folder that has the journal in parts, each named by the byte at which it begins
_PARTS = "tracking"


class StorageTaken(UserError):
    """Another process works on the run as well."""


class RunStorage:
    """What ``storage`` has of the run in ``folder``.

    That is its trials' checkpoints, which the machines that train the trials keep there, and a copy of the
    driver's own files. A call copies what has changed since the call before. It lists nothing, and of the
    journal it sends only what is new. A storage that fails for a moment is tried again.

    Raises:
        StorageDown: The storage stays out of reach. All calls may raise it.
    """

    def __init__(self, storage: Storage, folder: Path) -> None:
        self.storage = storage
        self._folder = folder
        self._known: dict[str, tuple[int, int]] = {}
        self._counted: set[str] | None = None
        self._sent: int | None = None

    def trial(self, trial_id: str) -> Storage:
        """The folder that keeps a trial's files."""
        return self.storage.below(f"{TRIALS_FOLDER}/{trial_id}")

    def pull(self, trial_id: str) -> None:
        """Fetches what the machines that trained a trial left at the storage: the newest state, which has the
        trial's reports, its curves, and its test results.
        """
        patiently(lambda: self._pull(trial_id), self.storage)

    def _pull(self, trial_id: str) -> None:
        kept, here = self.trial(trial_id), trials_of(self._folder) / trial_id
        names = list(kept.names())
        if (newest := newest_state(names)) is not None:
            kept.get_into(here, newest, STATE_FILE)
            kept.get_into(here, f"{newest.rpartition('/')[0]}/{CURVES_FILE}", CURVES_FILE)
        # metrics.json vouches for the other files of a test evaluation, so it comes last.
        for name in sorted(names, key=lambda name: name == TESTED_FILE):
            if inside(here, name) and _LEFT.fullmatch(name):
                kept.get_into(here, name)
                self._note(here / name)  # the storage has it already

    def push(self, trial_id: str | None = None) -> None:
        """Copies the driver's own files that have changed to the storage.

        Args:
            trial_id: A trial whose files are copied as well; None: no trial.
        """
        files = [path for pattern in _OWN for path in sorted(self._folder.glob(pattern))]
        if trial_id is not None:
            trial = trials_of(self._folder) / trial_id
            files += [path for pattern in (*_TRIAL, STATUS_FILE) for path in sorted(trial.glob(pattern))]
        for path in files:
            self._push_file(path)
        patiently(self._push_journal, self.storage)

    def push_proposal(self, trial_id: str) -> None:
        """Copies a trial's proposal to the storage, and then the manifest, once every trial that it counts is
        there.
        """
        fresh = {trial_id}
        # only once: with a listing for each proposal, a proposal would cost more the longer the sweep is
        if self._counted is None:
            self._counted = patiently(self._trials_there, self.storage)
            fresh |= {path.parent.name for path in self._folder.glob(_PROPOSALS)}
        # unknown until everything that the manifest counts is there
        counted, self._counted = self._counted, None
        for name in sorted(fresh - counted):
            for file in (CONFIG_FILE, TRIAL_FILE):
                self._push_file(trials_of(self._folder) / name / file)
            counted.add(name)
        self._push_file(self._folder / MANIFEST_FILE)
        self._counted = counted

    def push_verdicts(self, trial_id: str) -> None:
        """Copies to the storage what the search has decided on a trial."""
        self._push_file(trials_of(self._folder) / trial_id / VERDICTS_FILE)

    def _push_file(self, path: Path) -> None:
        name = path.relative_to(self._folder).as_posix()
        if path.is_file() and self._known.get(name) != _seen(path):
            seen = _seen(path)
            patiently(lambda: self.storage.put(path, name), self.storage)
            self._known[name] = seen

    def _note(self, path: Path) -> None:
        self._known[path.relative_to(self._folder).as_posix()] = _seen(path)

    def restore(self, name: str, accept: Callable[[Path], None] = lambda folder: None) -> bool:
        """Makes ``folder`` anew from what the storage has. The checkpoints stay at the storage.

        The folder appears whole or not at all.

        Args:
            name: The run's name.
            accept: Checks the folder while it is still being made, since whoever can write to the storage
                wrote what the folder says. The folder appears only where this raises nothing.

        Returns:
            False where the storage has no run.

        Raises:
            UserError: Part of the journal is missing, a name leads out of the folder, or the folder in which
                it is made is not the user's own.
        """
        if patiently(lambda: self.storage.read(IDENTITY_FILE), self.storage) is None:
            return False
        # It lies deeper than a run's folder does, so that what a kill leaves of it is not taken for a run.
        aside = _own_place(self._folder.parent / ".restoring") / name
        aside.mkdir(parents=True, exist_ok=True)
        with run_lock(aside):
            try:
                if is_free(self._folder):
                    self._restore_by(aside, accept)
            finally:
                shutil.rmtree(aside, ignore_errors=True)
                with suppress(OSError):  # another run is being restored there
                    aside.parent.rmdir()
        return True

    def _restore_by(self, aside: Path, accept: Callable[[Path], None]) -> None:
        partial = aside / "run"
        shutil.rmtree(partial, ignore_errors=True)  # what a process that died left
        partial.mkdir()
        self._fetch(partial, self._journal_there(), _RUNS_OWN, _TRIALS_OWN)
        Identity.of(partial)  # raises where it is no run
        given = json.loads((partial / IDENTITY_FILE).read_text(encoding="utf-8")).get("files")
        for file, text in given.items() if isinstance(given, dict) else ():
            path = inside(partial, file)
            if not path.exists() and _RUNS_OWN.fullmatch(file) and isinstance(text, str):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
        accept(partial)
        put_run(partial, self._folder)

    def agree(self) -> None:
        """Fetches what another machine added to the run since this folder was left. That includes test
        evaluations that no driver was there to hear of.

        Raises:
            UserError: The storage belongs to another run; or this folder and the storage each have what the
                other lacks; or a trial has more finished tasks here than there. Checkpoints reach the storage
                first, so that such a storage is an older copy. The message is one line.
        """
        Identity.of(self._folder).claim(self.storage, new=False)
        names = patiently(lambda: list(self.storage.names(TRIALS_FOLDER)), self.storage)
        there = self._counted = _trials_of(names)
        here = {path.parent.name for path in self._folder.glob(_PROPOSALS)}
        self._refuse_older(here, names)
        self._bring_looks(here, set(names))
        path = self._folder / JOURNAL_FILE
        own, kept = path.read_bytes() if path.exists() else b"", self._journal_there()
        if own.startswith(kept) and there <= here:
            return
        if not kept.startswith(own) or not here <= there:
            raise UserError(
                f"{self._folder} and {self.storage.url} have diverged: "
                f"{_some(here - there) or 'part of the record'} lies here alone, "
                f"{_some(there - here) or 'part of the record'} there; allowed: to remove one of the two; "
                "see docs/howto/resume.md#when-it-is-refused"
            )
        self._fetch(self._folder, kept, _TRIALS_OWN)

    def _bring_looks(self, trials: set[str], names: set[str]) -> None:
        for trial in sorted(trials):
            looked_at = f"{TRIALS_FOLDER}/{trial}/{TESTED_FILE}"
            if looked_at in names and not (self._folder / looked_at).exists():
                self.pull(trial)

    def _refuse_older(self, trials: set[str], names: list[str]) -> None:
        for trial in sorted(trials):
            own = f"{TRIALS_FOLDER}/{trial}/"
            newest = newest_state(name.removeprefix(own) for name in names if name.startswith(own))
            finished = 0 if newest is None else tasks_done(newest)
            if (known := len(reports_in(self._folder / own))) > finished:
                raise UserError(
                    f"{self.storage.url} is an older copy: {trial} has {known} finished tasks in "
                    f"{self._folder} and {finished} there; allowed: a storage that has all of the run"
                )

    def push_all(self) -> None:
        """Copies all of the driver's own files that have changed to the storage, trial by trial."""
        for trial_id in sorted(path.parent.name for path in self._folder.glob(_PROPOSALS)):
            self.push_proposal(trial_id)
            self.push(trial_id)
        self.push()

    def keep_only(self, trial_id: str, task: int) -> None:
        """Deletes all checkpoints of a trial at the storage except the one after ``task`` (from 0)."""
        patiently(lambda: self._keep_only(trial_id, task), self.storage)

    def _keep_only(self, trial_id: str, task: int) -> None:
        kept = self.trial(trial_id)
        for number in {name.split("/")[1] for name in kept.names(CHECKPOINTS_FOLDER)} - {task_key(task)}:
            kept.delete(f"{CHECKPOINTS_FOLDER}/{number}")

    def _fetch(self, folder: Path, journal: bytes, *wanted: re.Pattern[str]) -> None:
        names = [
            name
            for name in self.storage.names()
            if inside(folder, name) and any(kind.fullmatch(name) for kind in wanted)
        ]
        for name in sorted(names, key=lambda name: name.endswith(f"/{STATUS_FILE}")):
            patiently(partial(self.storage.get_into, folder, name), self.storage)
        if journal:
            fresh = inside(folder, f"{JOURNAL_FILE}.partial")
            fresh.write_bytes(journal)
            os.replace(fresh, folder / JOURNAL_FILE)

    def _journal_there(self) -> bytes:
        """Reads the journal as the storage has it, and remembers its length."""
        whole = b""
        for part in patiently(lambda: sorted(self.storage.names(_PARTS)), self.storage):
            if part != _part(len(whole)):
                raise UserError(
                    f"{self.storage.url}: the record is cut short, {_part(len(whole))} is missing; "
                    "allowed: all that the run put there"
                )
            whole += patiently(partial(self.storage.read, part), self.storage) or b""
        self._sent = len(whole)
        return whole

    def _push_journal(self) -> None:
        path = self._folder / JOURNAL_FILE
        if not path.exists():
            return
        if self._sent is None:
            self._journal_there()
        begin = self._sent or 0
        with open(path, "rb") as file:
            file.seek(begin)
            fresh = file.read()
        if not fresh:
            return
        name = _part(begin)
        # A call whose answer was lost finds the part there that it wrote itself.
        if not self.storage.create(name, fresh) and self.storage.read(name) != fresh:
            raise StorageTaken(
                f"{self.storage.url}: another process works on this run too, and wrote {name}; allowed: one "
                "at a time"
            )
        self._sent = begin + len(fresh)

    def _trials_there(self) -> set[str]:
        return _trials_of(self.storage.names(TRIALS_FOLDER))


def _trials_of(names: Iterable[str]) -> set[str]:
    """The trials that have a proposal, by the names of files."""
    return {parts[1] for parts in (name.split("/") for name in names) if parts[2:] == [TRIAL_FILE]}


def _own_place(folder: Path) -> Path:
    """Checks that ``folder`` is the user's own, and makes it where it does not exist. What lies below it is
    made and deleted unchecked.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    if stat.S_ISLNK(folder.lstat().st_mode):
        raise UserError(f"{folder}: is a link; allowed: a folder of yours, or none (remove the link)")
    check_own(folder)
    return folder


def _seen(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_mtime_ns, status.st_size


def _part(begin: int) -> str:
    return f"{_PARTS}/{begin:015d}.jsonl"


def _some(names: set[str]) -> str:
    return ", ".join(sorted(names)[:3])
