"""A folder at any fsspec URL, kept like a folder of this machine."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .errors import UserError
from .inside import inside

_PARTIAL = ".partial"  # the ending of what a file system holds of a file that is not whole


class Storage:
    """The folder ``url``: ``s3://BUCKET/PREFIX``, ``gs://...``, ``file:///shared/...``. Small to pickle.

    Names are relative, with ``/``. A file appears whole or not at all: object stores say so of single
    objects, and in a folder of a file system it is written under another name first. What belongs together is
    put in an order in which the last file vouches for the others.
    """

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")

    def check(self) -> Storage:
        """:class:`~orchestrator.errors.UserError`: nothing can be kept there."""
        # A name of its own: many that start at once would remove each other's file.
        probe = f".writable-{uuid.uuid4().hex}"
        try:
            self._files.pipe_file(self._at(probe), b"")
            self._files.rm_file(self._at(probe))
        except Exception as error:  # noqa: BLE001 - every file system has errors of its own
            lines = str(error).strip().splitlines() or [type(error).__name__]
            raise UserError(
                f"--storage {self.url}: {lines[0]}; allowed: an fsspec URL that can be written to"
            ) from error
        return self

    def below(self, name: str) -> Storage:
        """A folder in this one."""
        return Storage(f"{self.url}/{name}")

    def put(self, local: Path, name: str) -> None:
        """Copies a file there."""
        with self._whole(name) as place:
            self._files.put_file(str(local), place)

    def write(self, name: str, text: str | bytes) -> None:
        """Writes a small file there."""
        with self._whole(name) as place:
            self._files.pipe_file(place, text.encode() if isinstance(text, str) else text)

    def create(self, name: str, text: str | bytes) -> bool:
        """Writes a small file there unless there is one; whether it did. Of several that do so at once one
        does, where the store can tell: in a folder of a file system, and on S3.
        """
        place, data = self._at(name), text.encode() if isinstance(text, str) else text
        if self._local:
            partial = f"{place}.{uuid.uuid4().hex[:8]}{_PARTIAL}"
            self._files.pipe_file(partial, data)
            try:
                os.link(partial, place)
            except FileExistsError:
                return False
            finally:
                os.unlink(partial)
            return True
        try:
            self._files.pipe_file(place, data, mode="create")
        except Exception:  # noqa: BLE001 - stores have errors of their own for what is there
            if self.read(name) is None:
                raise
            return False
        return True

    def read(self, name: str) -> bytes | None:
        """The content of a small file there; None where there is none."""
        try:
            return self._files.cat_file(self._at(name))
        except FileNotFoundError:
            return None

    def get(self, name: str, local: Path) -> bool:
        """Copies a file from there; False where there is none. What stops short leaves no file."""
        local.parent.mkdir(parents=True, exist_ok=True)
        partial = local.with_name(local.name + ".partial")
        try:
            self._files.get_file(self._at(name), str(partial))
        except FileNotFoundError:
            partial.unlink(missing_ok=True)
            return False
        partial.replace(local)
        return True

    def get_into(self, folder: Path, name: str, as_name: str | None = None) -> bool:
        """Copies a file from there to the same name (or ``as_name``) in ``folder``; False where there is
        none.

        Names in a storage are whoever's writes there: :class:`~orchestrator.errors.UserError` for one that
        would leave ``folder``.
        """
        return self.get(name, inside(folder, as_name or name))

    def names(self, below: str = "") -> Iterator[str]:
        """All files under ``below``, which may be none."""
        root = self._at("").rstrip("/") + "/"
        self._files.invalidate_cache()
        for path in self._files.find(self._at(below)):
            if not path.endswith(_PARTIAL):
                yield path.removeprefix(root)

    def delete(self, below: str) -> None:
        """Deletes a file, or a folder with all that is in it, where it is there."""
        if self._files.exists(self._at(below)):
            self._files.rm(self._at(below), recursive=True)

    @contextmanager
    def _whole(self, name: str) -> Iterator[str]:
        """Where to write what is to appear as ``name`` at the end of the block."""
        place = self._at(name)
        if not self._local:
            yield place
            return
        partial = f"{place}.{uuid.uuid4().hex[:8]}{_PARTIAL}"
        yield partial
        os.replace(partial, place)

    @property
    def _local(self) -> bool:
        return self.url.startswith(("file:", "local:", "/"))

    @property
    def _files(self) -> Any:
        return self._opened[0]

    def _at(self, name: str) -> str:
        return f"{self._opened[1]}/{name}".rstrip("/")

    @property
    def _opened(self) -> tuple[Any, str]:
        import fsspec

        # Folders are made where a file system has them; a bucket is never made.
        return fsspec.core.url_to_fs(self.url, **({"auto_mkdir": True} if self._local else {}))
