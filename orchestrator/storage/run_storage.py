"""A run's files at a storage, for when its own machine is gone, and of its trials here."""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from ..errors import UserError
from .free_name import is_free, put_run
from .identity import IDENTITY_FILE, Identity
from .inside import inside
from .own_folder import check_own
from .patience import patiently
from .run_lock import run_lock
from .task_key import task_key
from .trial_files import STATE_FILE, TESTED_FILE, newest_state, reports_in, tasks_done
from .url_folder import Storage

_OWN = ("*.yaml", "tokenizer/*")
_MANIFEST = "manifest.json"
_TRIAL = ("trial.json", "config.yaml", "verdicts.json", "*.png", "*.pdf", "*.csv", "test/*", "tasks.jsonl")
_LAST = "status.json"  # vouches for the other files of a trial
_JOURNAL = "tracking.jsonl"
# What is taken from a storage, by name. A run's own files come with the run and never again. A trial's
# configuration is made anew of its values: people run it again.
_RUNS_OWN = re.compile(r"identity\.json|(sweep|space|train|config)\.yaml|tokenizer/[^/]+")
_TRIALS_OWN = re.compile(
    r"manifest\.json|trials/[^/]+/((trial|verdicts|status|state)\.json|tasks\.jsonl|[^/]+\.(csv|png|pdf)"
    r"|error-[^/]+\.txt"
    r"|test/[^/]+\.(json|csv|png|pdf))"
)
_LEFT = re.compile(r"test/[^/]+\.(json|csv|png|pdf)|error-[^/]+\.txt")
_PARTS = "tracking"  # the folder at the storage that has the journal in parts, each named by where it begins


class StorageTaken(UserError):
    """Another process works on the run as well."""


class RunStorage:
    """What the run in ``folder`` has at ``storage``: its trials' checkpoints, which the machines that work on
    them keep there, and a copy of the driver's own files.

    What a call copies is what has changed since the last one: nothing is listed, and of the journal only what
    is new goes. A storage that fails for a moment is asked again; calls raise
    :class:`~orchestrator.storage.patience.StorageDown` where it stays out of reach.
    """

    def __init__(self, storage: Storage, folder: Path) -> None:
        self.storage = storage
        self._folder = folder
        self._known: dict[str, tuple[int, int]] = {}
        self._counted: set[str] | None = None
        self._sent: int | None = None

    def trial(self, trial_id: str) -> Storage:
        """Where a trial's files are kept."""
        return self.storage.below(f"trials/{trial_id}")

    def pull(self, trial_id: str) -> None:
        """Brings here what the machines that worked on a trial left: its newest state, which has its reports
        and curves, and its test results.
        """
        patiently(lambda: self._pull(trial_id), self.storage)

    def _pull(self, trial_id: str) -> None:
        kept, here = self.trial(trial_id), self._folder / "trials" / trial_id
        names = list(kept.names())
        if (newest := newest_state(names)) is not None:
            kept.get_into(here, newest, STATE_FILE)
            kept.get_into(here, f"{newest.rpartition('/')[0]}/curves.csv", "curves.csv")
        # Of what a look at test left, metrics.json vouches for the rest.
        for name in sorted(names, key=lambda name: name == TESTED_FILE):
            if inside(here, name) and _LEFT.fullmatch(name):
                kept.get_into(here, name)
                self._note(here / name)  # it is there already

    def push(self, trial_id: str | None = None) -> None:
        """Copies the driver's own files there that have changed since, and those of one trial."""
        files = [path for pattern in _OWN for path in sorted(self._folder.glob(pattern))]
        if trial_id is not None:
            place = self._folder / "trials" / trial_id
            files += [path for pattern in (*_TRIAL, _LAST) for path in sorted(place.glob(pattern))]
        for path in files:
            self._push_file(path)
        patiently(self._push_journal, self.storage)

    def push_proposal(self, trial_id: str) -> None:
        """Copies a proposal there, and then the manifest, once every trial that it counts is there."""
        fresh = {trial_id}
        if self._counted is None:  # once: a listing a proposal would grow with the sweep
            self._counted = patiently(self._trials_there, self.storage)
            fresh |= {path.parent.name for path in self._folder.glob("trials/*/trial.json")}
        counted, self._counted = self._counted, None  # until all is there that the manifest counts
        for name in sorted(fresh - counted):
            for file in ("config.yaml", "trial.json"):
                self._push_file(self._folder / "trials" / name / file)
            counted.add(name)
        self._push_file(self._folder / _MANIFEST)
        self._counted = counted

    def push_verdicts(self, trial_id: str) -> None:
        """Copies there what the search has said of a trial."""
        self._push_file(self._folder / "trials" / trial_id / "verdicts.json")

    def _push_file(self, path: Path) -> None:
        name = path.relative_to(self._folder).as_posix()
        if path.is_file() and self._known.get(name) != _seen(path):
            seen = _seen(path)
            patiently(lambda: self.storage.put(path, name), self.storage)
            self._known[name] = seen

    def _note(self, path: Path) -> None:
        self._known[path.relative_to(self._folder).as_posix()] = _seen(path)

    def restore(self, name: str, accept: Callable[[Path], None] = lambda folder: None) -> bool:
        """Makes ``folder``, of the run ``name``, anew from what is there, its checkpoints left there; False
        where no run is.

        The folder appears whole or not at all, and not before ``accept`` has looked at it, wherever it is
        being made, and raised nothing: what it says is whoever's can write to the storage.
        :class:`~orchestrator.errors.UserError`: part of the journal is missing, a name leads out of the
        folder, or the place where it is made is not the user's own.
        """
        if patiently(lambda: self.storage.read(IDENTITY_FILE), self.storage) is None:
            return False
        # Deeper than a run's folder lies, so that what a kill leaves of it is taken for no run.
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
        shutil.rmtree(partial, ignore_errors=True)  # what a death left
        partial.mkdir()
        self._fetch(partial, self._journal_there(), _RUNS_OWN, _TRIALS_OWN)
        Identity.of(partial)  # it is one
        given = json.loads((partial / IDENTITY_FILE).read_text(encoding="utf-8")).get("files")
        for file, text in given.items() if isinstance(given, dict) else ():
            path = inside(partial, file)
            if not path.exists() and _RUNS_OWN.fullmatch(file) and isinstance(text, str):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
        accept(partial)
        put_run(partial, self._folder)

    def agree(self) -> None:
        """Brings here what another machine added to the run since this folder was left, and looks at test
        that nobody was there to hear of.

        :class:`~orchestrator.errors.UserError`, one line: the storage is another run's, this folder and the
        storage have each what the other has not, or a trial has more tasks here: checkpoints are there
        first, so that it is an older copy.
        """
        Identity.of(self._folder).claim(self.storage, new=False)
        names = patiently(lambda: list(self.storage.names("trials")), self.storage)
        there = self._counted = _trials_of(names)
        here = {path.parent.name for path in self._folder.glob("trials/*/trial.json")}
        self._refuse_older(here, names)
        self._bring_looks(here, set(names))
        path = self._folder / _JOURNAL
        own, kept = path.read_bytes() if path.exists() else b"", self._journal_there()
        if own.startswith(kept) and there <= here:
            return
        if not kept.startswith(own) or not here <= there:
            raise UserError(
                f"{self._folder} and {self.storage.url} have gone different ways: "
                f"{_some(here - there) or 'part of the record'} lies here alone, "
                f"{_some(there - here) or 'part of the record'} there; allowed: to remove one of the two; "
                "see docs/howto/resume.md#when-it-is-refused"
            )
        self._fetch(self._folder, kept, _TRIALS_OWN)

    def _bring_looks(self, trials: set[str], names: set[str]) -> None:
        for trial in sorted(trials):
            looked_at = f"trials/{trial}/{TESTED_FILE}"
            if looked_at in names and not (self._folder / looked_at).exists():
                self.pull(trial)

    def _refuse_older(self, trials: set[str], names: list[str]) -> None:
        for trial in sorted(trials):
            own = f"trials/{trial}/"
            newest = newest_state(name.removeprefix(own) for name in names if name.startswith(own))
            finished = 0 if newest is None else tasks_done(newest)
            if (known := len(reports_in(self._folder / own))) > finished:
                raise UserError(
                    f"{self.storage.url} is an older copy: {trial} has {known} finished tasks in "
                    f"{self._folder} and {finished} there; allowed: a storage that has all of the run"
                )

    def push_all(self) -> None:
        """Copies all of the driver's own files there that have changed since, trial by trial."""
        for trial_id in sorted(path.parent.name for path in self._folder.glob("trials/*/trial.json")):
            self.push_proposal(trial_id)
            self.push(trial_id)
        self.push()

    def keep_only(self, trial_id: str, task: int) -> None:
        """Deletes every checkpoint of a trial but the one after ``task`` (from 0)."""
        patiently(lambda: self._keep_only(trial_id, task), self.storage)

    def _keep_only(self, trial_id: str, task: int) -> None:
        kept = self.trial(trial_id)
        for number in {name.split("/")[1] for name in kept.names("checkpoints")} - {task_key(task)}:
            kept.delete(f"checkpoints/{number}")

    def _fetch(self, folder: Path, journal: bytes, *wanted: re.Pattern[str]) -> None:
        names = [
            name
            for name in self.storage.names()
            if inside(folder, name) and any(kind.fullmatch(name) for kind in wanted)
        ]
        for name in sorted(names, key=lambda name: name.endswith(f"/{_LAST}")):
            patiently(lambda file=name: self.storage.get_into(folder, file), self.storage)
        if journal:
            partial = inside(folder, f"{_JOURNAL}.partial")
            partial.write_bytes(journal)
            os.replace(partial, folder / _JOURNAL)

    def _journal_there(self) -> bytes:
        """The journal as the storage has it; how long it is is remembered."""
        whole = b""
        for part in patiently(lambda: sorted(self.storage.names(_PARTS)), self.storage):
            if part != _part(len(whole)):
                raise UserError(
                    f"{self.storage.url}: the record is cut short, {_part(len(whole))} is missing; "
                    "allowed: all that the run put there"
                )
            whole += patiently(lambda part=part: self.storage.read(part), self.storage) or b""
        self._sent = len(whole)
        return whole

    def _push_journal(self) -> None:
        path = self._folder / _JOURNAL
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
        # A call whose answer was lost finds its own part there.
        if not self.storage.create(name, fresh) and self.storage.read(name) != fresh:
            raise StorageTaken(
                f"{self.storage.url}: another process goes on with this run, and wrote {name}; allowed: one "
                "at a time"
            )
        self._sent = begin + len(fresh)

    def _trials_there(self) -> set[str]:
        return _trials_of(self.storage.names("trials"))


def _trials_of(names: Iterable[str]) -> set[str]:
    """The trials that have a proposal, of the names of files."""
    return {parts[1] for parts in (name.split("/") for name in names) if parts[2:] == ["trial.json"]}


def _own_place(folder: Path) -> Path:
    """``folder``, made where it is not there; what lies below it is made and deleted without looking."""
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
