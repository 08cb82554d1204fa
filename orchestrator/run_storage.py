"""A run's files at a storage, for when its own machine is gone, and of its trials here."""

from __future__ import annotations

from pathlib import Path

from .storage import Storage

_OWN = (
    "*.yaml",
    "tracking.jsonl",
    "tokenizer/*",
    "trials/*/trial.json",
    "trials/*/config.yaml",
    "trials/*/status.json",
    "trials/*/*.png",
    "trials/*/*.csv",
    "trials/*/test/*",
)
_TRIALS = ("tasks.jsonl", "curves.csv", "test/")


class RunStorage:
    """What the run in ``folder`` has at ``storage``: its trials' checkpoints and reports, which the machines
    that work on them keep there, and a copy of the driver's own files.
    """

    def __init__(self, storage: Storage, folder: Path) -> None:
        self.storage = storage
        self._folder = folder
        self._known: dict[str, tuple[int, int]] = {}

    def trial(self, trial_id: str) -> Storage:
        """Where a trial's files are kept."""
        return self.storage.below(f"trials/{trial_id}")

    def pull(self, trial_id: str) -> None:
        """Brings a trial's reports, curves and test results here."""
        kept, here = self.trial(trial_id), self._folder / "trials" / trial_id
        for name in kept.names():
            if name.startswith(_TRIALS) or name.startswith("error-"):
                kept.get(name, here / name)

    def push(self) -> None:
        """Copies the driver's own files there that have changed since."""
        for path in sorted({path for pattern in _OWN for path in self._folder.glob(pattern)}):
            name, status = path.relative_to(self._folder).as_posix(), path.stat()
            seen = (status.st_mtime_ns, status.st_size)
            if self._known.get(name) != seen:
                self.storage.put(path, name)
                self._known[name] = seen

    def restore(self) -> bool:
        """Makes ``folder`` anew from what is there, its checkpoints left there; False where nothing is."""
        found = False
        for name in self.storage.names():
            if name.startswith("trials/") and "/checkpoints/" in name:
                continue
            found = self.storage.get(name, self._folder / name) or found
        return found

    def keep_only(self, trial_id: str, task: int) -> None:
        """Deletes every checkpoint of a trial but the one after ``task`` (from 0)."""
        kept = self.trial(trial_id)
        for number in {name.split("/")[1] for name in kept.names("checkpoints")} - {f"task_{task:02d}"}:
            kept.delete(f"checkpoints/{number}")
