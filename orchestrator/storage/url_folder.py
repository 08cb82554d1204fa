"""A folder at any fsspec URL, used like a folder of this machine."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import UserError
from .inside import inside
from .local_files import PARTIAL, LocalFiles

_OWN_ALONE = ("memory", "blockcache", "cached", "filecache", "simplecache")


class Storage:
    """The folder ``url``: ``s3://BUCKET/PREFIX``, ``gs://...``, ``file:///shared/...``. It is small to
    pickle.

    Names are relative, with ``/``. A file appears whole or not at all: object stores guarantee that for
    single objects, and in a folder of a file system a file is written under another name first. Files that
    belong together are written in an order in which the last one vouches for the others. In a folder of a
    file system no link is followed (:class:`~orchestrator.storage.local_files.LocalFiles`), except on the way
    to the ``url`` itself.
    """

    def __init__(self, url: str, _below: str = "") -> None:
        self._root, self._below = url.rstrip("/"), _below

    @property
    def url(self) -> str:
        """The folder's address."""
        return f"{self._root}/{self._below}".rstrip("/")

    def check(self) -> Storage:
        """Tries out the operations that a run needs of a storage, and returns the storage.

        Raises:
            UserError: The storage does not support an operation. The message is one line.
        """
        # The name is unique. Otherwise one of several commands that start at once would remove another's
        # file.
        probe = f".probe-{uuid.uuid4().hex}"
        try:
            self._check_shared()
            self._try(probe)
        except Exception as error:  # noqa: BLE001 - every file system has errors of its own
            lines = str(error).strip().splitlines() or [type(error).__name__]
            raise UserError(
                f"--storage {self.url}: {lines[0]}; allowed: an fsspec URL that can be written to, and read; "
                "see docs/howto/cluster.md#where-things-are-kept"
            ) from error
        return self

    def _check_shared(self) -> None:
        # Other processes and machines see files that are written to these late or never.
        for part in self._root.split("::"):
            if (kind := part.split("://")[0]) in _OWN_ALONE:
                raise OSError(f"{kind} is this process' own, or this machine's")

    def _try(self, folder: str) -> None:
        name = f"{folder}/file"
        try:
            self.create(name, b"1")
            self.write(name, b"22")
            if self.read(name) != b"22" or list(self.names(folder)) != [name]:
                raise OSError("does not give back what was written")
        finally:
            self.delete(folder)
        if self.read(name) is not None:
            raise OSError("does not delete")

    def below(self, name: str) -> Storage:
        """A folder in this one."""
        return Storage(self._root, self._name(name))

    def put(self, local: Path, name: str) -> None:
        """Copies the file ``local`` to ``name``."""
        if (files := self._local) is not None:
            files.put(local, self._name(name))
        else:
            self._files.put_file(str(local), self._at(name))

    def write(self, name: str, text: str | bytes) -> None:
        """Writes a small file there."""
        data = text.encode() if isinstance(text, str) else text
        if (files := self._local) is not None:
            files.write(self._name(name), data)
        else:
            self._files.pipe_file(self._at(name), data)

    def create(self, name: str, text: str | bytes) -> bool:
        """Writes a small file there unless there is one already.

        Where the store can tell, only one of several simultaneous calls writes: in a folder of a file system,
        and on S3.

        Returns:
            Whether it wrote the file.
        """
        data = text.encode() if isinstance(text, str) else text
        if (files := self._local) is not None:
            return files.create(self._name(name), data)
        try:
            self._files.pipe_file(self._at(name), data, mode="create")
        except Exception:  # noqa: BLE001 - each store has its own error for a file that exists
            if self.read(name) is None:
                raise
            return False
        return True

    def read(self, name: str) -> bytes | None:
        """The content of a small file; None where there is none."""
        try:
            if (files := self._local) is not None:
                return files.read(self._name(name))
            return self._files.cat_file(self._at(name))
        except FileNotFoundError:
            return None

    def get(self, name: str, local: Path) -> bool:
        """Copies a file to ``local``. A copy that stops short leaves no file.

        Returns:
            False where there is no such file.
        """
        local.parent.mkdir(parents=True, exist_ok=True)
        partial = local.with_name(local.name + PARTIAL)
        try:
            if (files := self._local) is not None:
                files.get(self._name(name), partial)
            else:
                self._files.get_file(self._at(name), str(partial))
        except FileNotFoundError:
            partial.unlink(missing_ok=True)
            return False
        partial.replace(local)
        return True

    def get_into(self, folder: Path, name: str, as_name: str | None = None) -> bool:
        """Copies a file into ``folder``, under the same name.

        Args:
            folder: A folder of this machine.
            name: The file's name here. Anyone who can write to the storage may have chosen it.
            as_name: Another name for the copy; None: the same.

        Returns:
            False where there is no such file.

        Raises:
            UserError: The name would leave ``folder``.
        """
        return self.get(name, inside(folder, as_name or name))

    def names(self, below: str = "") -> Iterator[str]:
        """The names of all files under ``below``, which may not exist."""
        if (files := self._local) is not None:
            paths, here = files.names(self._name(below)), self._below
        else:
            self._files.invalidate_cache()
            paths, here = self._files.find(self._at(below)), self._at("")
        for path in paths:
            if not path.endswith(PARTIAL):
                yield path.removeprefix(f"{here}/" if here else "")

    def delete(self, below: str) -> None:
        """Deletes a file, or a folder with all that it holds. Does nothing where there is none."""
        if (files := self._local) is not None:
            files.delete(self._name(below))
        elif self._files.exists(self._at(below)):
            self._files.rm(self._at(below), recursive=True)

    def _name(self, name: str) -> str:
        return f"{self._below}/{name}".strip("/")

    def _at(self, name: str) -> str:
        return f"{self._opened[1]}/{self._name(name)}".rstrip("/")

    @property
    def _local(self) -> LocalFiles | None:
        if not self._root.startswith(("file:", "local:", "/")):
            return None
        return LocalFiles(Path(self._opened[1]))

    @property
    def _files(self) -> Any:
        return self._opened[0]

    @property
    def _opened(self) -> tuple[Any, str]:
        import fsspec

        return fsspec.core.url_to_fs(self._root)
