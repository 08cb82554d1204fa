"""The copy of a run's journal at a storage."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from ..errors import UserError
from .patience import patiently
from .run_files import JOURNAL_FILE
from .url_folder import Storage

# the storage's folder that has the journal in parts, each named by the byte at which it begins
_PARTS = "tracking"


class StorageTaken(UserError):
    """Another process works on the run as well."""


class JournalParts:
    """The journal at a storage, in parts: each call sends only what is new.

    Args:
        storage: The run's storage.
        folder: The run's folder.
    """

    def __init__(self, storage: Storage, folder: Path) -> None:
        self._storage = storage
        self._folder = folder
        self._sent: int | None = None

    def read(self) -> bytes:
        """Reads the journal as the storage has it, and remembers its length.

        Raises:
            UserError: A part is missing.
        """
        whole = b""
        for part in patiently(lambda: sorted(self._storage.names(_PARTS)), self._storage):
            if part != _part(len(whole)):
                raise UserError(
                    f"{self._storage.url}: the record is cut short, {_part(len(whole))} is missing; "
                    "allowed: all that the run put there"
                )
            whole += patiently(partial(self._storage.read, part), self._storage) or b""
        self._sent = len(whole)
        return whole

    def push(self) -> None:
        """Sends the part of the journal that the storage lacks. It may be called again where it failed.

        Raises:
            StorageTaken: Another process has sent a different part.
        """
        path = self._folder / JOURNAL_FILE
        if not path.exists():
            return
        if self._sent is None:
            self.read()
        begin = self._sent or 0
        with open(path, "rb") as file:
            file.seek(begin)
            fresh = file.read()
        if not fresh:
            return
        name = _part(begin)
        # After a lost answer, the repeated call finds the part that it wrote itself.
        if not self._storage.create(name, fresh) and self._storage.read(name) != fresh:
            raise StorageTaken(
                f"{self._storage.url}: another process works on this run too, and wrote {name}; allowed: one "
                "at a time"
            )
        self._sent = begin + len(fresh)


def _part(begin: int) -> str:
    return f"{_PARTS}/{begin:015d}.jsonl"
