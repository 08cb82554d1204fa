"""Notes how far tracking stores have received a journal."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..storage.fresh_file import fresh_file
from ..storage.run_files import DATABASE_FILE, SENT_FILE
from .store import own_database

_FORMAT = 2


@dataclass(frozen=True)
class Mark:
    """How far a store has received a journal.

    Attributes:
        sent: The byte of the journal up to which records were sent to the store.
        aside: The bytes at which records begin that it refused.
        noted: The byte that was noted in the store itself.
    """

    sent: int = 0
    aside: tuple[int, ...] = ()
    noted: int = 0


class SentMarks:
    """One mark for each store, in ``FOLDER/tracking.sent.json``.

    The database beside the folder is named by its file name alone, so that it stays the same when both are
    moved. A file that cannot be understood counts as empty: the whole journal may be sent again without harm.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / SENT_FILE

    def of(self, store: str) -> Mark:
        """The mark of a store, by the store's address without a password."""
        marks = self._read()
        return marks.get(self._name(store), marks.get(store, Mark()))

    def set(self, store: str, mark: Mark) -> None:
        """Writes a store's mark down.

        Raises:
            OSError: The file cannot be written.
        """
        stores = {name: asdict(known) for name, known in (self._read() | {self._name(store): mark}).items()}
        fresh = self._path.with_suffix(".new")
        with fresh_file(fresh) as file:
            file.write(json.dumps({"format": _FORMAT, "stores": stores}).encode())
        os.replace(fresh, self._path)

    def _name(self, store: str) -> str:
        return DATABASE_FILE if store == own_database(self._folder.parent) else store

    def _read(self) -> dict[str, Mark]:
        try:
            content = json.loads(self._path.read_text())
            if "format" not in content:  # an earlier version's file, store -> byte
                return {store: Mark(int(sent)) for store, sent in content.items()}
            return {store: _mark(kept) for store, kept in content["stores"].items()}
        except FileNotFoundError:
            return {}
        except (ValueError, KeyError, TypeError, AttributeError):
            return {}


def _mark(kept: dict[str, Any]) -> Mark:
    return Mark(int(kept["sent"]), tuple(int(begin) for begin in kept["aside"]), int(kept["noted"]))
