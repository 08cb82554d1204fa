"""A folder at any fsspec URL, kept like a folder of this machine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from .errors import UserError


class Storage:
    """The folder ``url``: ``s3://BUCKET/PREFIX``, ``gs://...``, ``file:///shared/...``. Small to pickle.

    Names are relative, with ``/``. A file appears whole or not at all where the store says so of single
    objects, as S3 does; what belongs together is put in an order in which the last file vouches for the
    others.
    """

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")

    def check(self) -> Storage:
        """:class:`~orchestrator.errors.UserError`: nothing can be kept there."""
        try:
            self._files.pipe_file(self._at(".writable"), b"")
            self._files.rm_file(self._at(".writable"))
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
        self._files.put_file(str(local), self._at(name))

    def put_all(self, local: Path, names: Iterable[str]) -> None:
        """Copies files of the folder ``local`` under the same names, in that order."""
        for name in names:
            self.put(local / name, name)

    def write(self, name: str, text: str) -> None:
        """Writes a small file there."""
        self._files.pipe_file(self._at(name), text.encode())

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

    def names(self, below: str = "") -> Iterator[str]:
        """All files under ``below``, which may be none."""
        root = self._at("").rstrip("/") + "/"
        self._files.invalidate_cache()
        for path in self._files.find(self._at(below)):
            yield path.removeprefix(root)

    def delete(self, below: str) -> None:
        """Deletes a file, or a folder with all that is in it, where it is there."""
        if self._files.exists(self._at(below)):
            self._files.rm(self._at(below), recursive=True)

    @property
    def _files(self) -> Any:
        return self._opened[0]

    def _at(self, name: str) -> str:
        return f"{self._opened[1]}/{name}".rstrip("/")

    @property
    def _opened(self) -> tuple[Any, str]:
        import fsspec

        # Folders are made where a file system has them; a bucket is never made.
        local = self.url.startswith(("file:", "local:"))
        return fsspec.core.url_to_fs(self.url, **({"auto_mkdir": True} if local else {}))
