"""The append-only journal of a sweep: it has what goes to MLflow, and is written before MLflow is asked."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..storage.full_disk import full_disk, is_full
from ..storage.lock_file import lock_file
from ..storage.run_files import JOURNAL_FILE, JOURNAL_LOCK_FILE
from .sent_marks import Mark, SentMarks


class Journal:
    """JSON lines in ``FOLDER/tracking.jsonl``, with a note beside them of how far each tracking store has
    received them.

    The reader skips a line that a crash or a full disk has torn. Several threads may call ``append``.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / JOURNAL_FILE
        self._marks = SentMarks(folder)
        self._lock = threading.Lock()
        self._held: int | None = None
        self._torn = self.path.exists() and not self.path.read_bytes().endswith(b"\n")

    def append(self, record: dict[str, Any]) -> None:
        """Writes one record through to the file.

        Raises:
            UserError: The disk does not take the record.
        """
        line = json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        with self._lock:
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
                with open(self.path, "ab", buffering=0) as file:
                    if self._torn:
                        line = b"\n" + line
                    self._torn = True
                    self._torn = file.write(line) != len(line)
            except OSError as error:
                why = f"cannot write {self.path}: {error.strerror or error}"
                raise UserError(full_disk(self.path) if is_full(error) else why) from error
        if self._torn:
            short = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            raise UserError(full_disk(self.path)) from short

    def read(self, offset: int = 0) -> Iterator[tuple[dict[str, Any], int]]:
        """The records from byte ``offset`` on, each with the offset behind it."""
        if not self.path.exists():
            return
        with open(self.path, "rb") as file:
            file.seek(offset)
            for line in file:
                if not line.endswith(b"\n"):
                    return
                offset += len(line)
                try:
                    record = json.loads(line)
                except ValueError:
                    continue
                if isinstance(record, dict) and isinstance(record.get("op"), str):
                    yield record, offset

    def sent(self, store: str) -> int:
        """The offset in bytes up to which records were sent to ``store``."""
        return self._marks.of(store).sent

    def aside(self, store: str) -> list[int]:
        """The offsets at which records begin that were sent to ``store`` and that it refused."""
        return list(self._marks.of(store).aside)

    def mark_sent(self, store: str, offset: int, aside: Sequence[int] | None = None) -> None:
        """Notes how far records were sent to ``store``.

        Args:
            store: The store's address without a password.
            offset: The byte up to which they were sent.
            aside: The offsets at which refused records begin. None: the same as before.
        """
        mark = self._marks.of(store)
        kept = mark.aside if aside is None else tuple(sorted(aside))
        self._marks.set(store, Mark(offset, kept, min(mark.noted, offset)))

    def noted(self, store: str) -> int:
        """The offset that was last noted in ``store`` itself."""
        return self._marks.of(store).noted

    def mark_noted(self, store: str, offset: int) -> None:
        """Notes that ``offset`` was noted in ``store`` itself."""
        self._marks.set(store, replace(self._marks.of(store), noted=offset))

    def unsent(self, store: str) -> int:
        """How many records were not sent to ``store`` yet."""
        return sum(record["op"] != "open" for record, _ in self.read(self.sent(store)))

    def hold(self) -> bool:
        """Becomes the only sender of this journal on this machine.

        Returns:
            False where another process is the sender.
        """
        if self._held is None:
            descriptor = lock_file(self.folder / JOURNAL_LOCK_FILE)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                os.close(descriptor)
                return False
            self._held = descriptor
        return True

    def release(self) -> None:
        """Lets another process send."""
        if self._held is not None:
            os.close(self._held)
            self._held = None
