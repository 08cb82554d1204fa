"""The copy of a run's files at a storage, for when the run's own machine is gone."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from ..errors import UserError
from .fetched_files import LEFT, RUNS_OWN, TRIALS_OWN, fetch
from .free_name import is_free, put_run
from .identity import Identity
from .inside import inside
from .journal_parts import JournalParts
from .own_place import own_place
from .patience import patiently
from .run_files import (
    CONFIG_FILE,
    IDENTITY_FILE,
    JOURNAL_FILE,
    MANIFEST_FILE,
    TASKS_FILE,
    TOKENIZER_FOLDER,
    TRIALS_FOLDER,
    trial_name,
    trials_of,
)
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

_OWN = ("*.yaml", TASKS_FILE, f"{TOKENIZER_FOLDER}/*")
_TRIAL = (TRIAL_FILE, CONFIG_FILE, VERDICTS_FILE, "*.png", "*.pdf", "*.csv", f"{TEST_FOLDER}/*", REPORTS_FILE)
_PROPOSALS = f"{TRIALS_FOLDER}/*/{TRIAL_FILE}"


class RunStorage:
    """The copy of a run at a storage, and its calls.

    The copy has the trials' checkpoints, which the machines that train the trials keep there, and the
    driver's own files. A call copies what has changed since the call before. It lists nothing, and sends only
    the new part of the journal. A storage that fails for a moment is tried again.

    Raises:
        StorageDown: The storage stays out of reach. All calls may raise it.
    """

    def __init__(self, storage: Storage, folder: Path) -> None:
        self.storage = storage
        self._folder = folder
        self._known: dict[str, tuple[int, int]] = {}
        self._counted: set[str] | None = None
        self._journal = JournalParts(storage, folder)

    def trial(self, trial_id: str) -> Storage:
        """The folder that keeps a trial's files."""
        return self.storage.below(trial_name(trial_id))

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
            if inside(here, name) and LEFT.fullmatch(name):
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
        patiently(self._journal.push, self.storage)

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
        self.push_manifest()
        self._counted = counted

    def push_manifest(self) -> None:
        """Copies the manifest to the storage, which has every trial that it counts."""
        self._push_file(self._folder / MANIFEST_FILE)

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
            accept: Checks the folder while it is still being made, since anyone who can write to the storage
                may have written its content. The folder appears only where this raises nothing.

        Returns:
            False where the storage has no run.

        Raises:
            UserError: Part of the journal is missing, a name leads out of the folder, or the folder in which
                it is made is not the user's own.
        """
        if patiently(lambda: self.storage.read(IDENTITY_FILE), self.storage) is None:
            return False
        # It lies deeper than a run's folder does, so that a leftover of a killed process is not taken for a
        # run.
        aside = own_place(self._folder.parent / ".restoring") / name
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
        shutil.rmtree(partial, ignore_errors=True)  # left by a process that died
        partial.mkdir()
        fetch(self.storage, partial, self._journal.read(), RUNS_OWN, TRIALS_OWN)
        Identity.of(partial)  # raises where it is no run
        given = json.loads((partial / IDENTITY_FILE).read_text(encoding="utf-8")).get("files")
        for file, text in given.items() if isinstance(given, dict) else ():
            path = inside(partial, file)
            if not path.exists() and RUNS_OWN.fullmatch(file) and isinstance(text, str):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
        accept(partial)
        put_run(partial, self._folder)

    def agree(self) -> None:
        """Fetches what another machine added to the run since this folder was used last. That includes test
        evaluations that no driver heard of.

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
        own, kept = path.read_bytes() if path.exists() else b"", self._journal.read()
        if own.startswith(kept) and there <= here:
            return
        if not kept.startswith(own) or not here <= there:
            raise UserError(
                f"{self._folder} and {self.storage.url} have diverged: "
                f"{_some(here - there) or 'part of the record'} lies here alone, "
                f"{_some(there - here) or 'part of the record'} there; allowed: to remove one of the two; "
                "see docs/howto/resume.md#when-it-is-refused"
            )
        fetch(self.storage, self._folder, kept, TRIALS_OWN)

    def _bring_looks(self, trials: set[str], names: set[str]) -> None:
        for trial in sorted(trials):
            looked_at = f"{trial_name(trial)}/{TESTED_FILE}"
            if looked_at in names and not (self._folder / looked_at).exists():
                self.pull(trial)

    def _refuse_older(self, trials: set[str], names: list[str]) -> None:
        for trial in sorted(trials):
            own = f"{trial_name(trial)}/"
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

    def _trials_there(self) -> set[str]:
        return _trials_of(self.storage.names(TRIALS_FOLDER))


def _trials_of(names: Iterable[str]) -> set[str]:
    """The trials that have a proposal, by the names of files."""
    return {parts[1] for parts in (name.split("/") for name in names) if parts[2:] == [TRIAL_FILE]}


def _seen(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_mtime_ns, status.st_size


def _some(names: set[str]) -> str:
    return ", ".join(sorted(names)[:3])
