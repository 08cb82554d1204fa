"""A storage's folder in a file system that others may write to as well."""

from __future__ import annotations

import errno
import io
import os
import shutil
import stat
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from ..errors import UserError
from .fresh_file import fresh_file

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_WRITE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_BLOCK = 2**20
PARTIAL = ".partial"
"""The ending of a file's name while the file is not whole."""


class LocalFiles:
    """Files below ``root``, a folder of this machine, by their names with ``/``. A file appears whole or not
    at all.

    Other users who may write there could put links in it at any time. Therefore no call follows a link below
    ``root``, be it to read, to write or to delete. Each folder of a name is opened from the one before it.

    Raises:
        UserError: A name leads through a link, or to something that is no file. The message is one line. All
            calls may raise it.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def put(self, local: Path, name: str) -> None:
        """Copies the file ``local`` to ``name``."""
        with open(local, "rb") as source:
            self._write(name, source)

    def write(self, name: str, data: bytes) -> None:
        """Writes a small file there."""
        self._write(name, io.BytesIO(data))

    def create(self, name: str, data: bytes) -> bool:
        """Writes a small file there unless there is one already.

        Returns:
            Whether it wrote the file.
        """
        try:
            self._write(name, io.BytesIO(data), anew=True)
        except FileExistsError:
            return False
        return True

    def read(self, name: str) -> bytes:
        """Reads a small file.

        Raises:
            FileNotFoundError: There is no such file.
        """
        with self._open(name) as file:
            return file.read()

    def get(self, name: str, local: Path) -> None:
        """Copies a file to ``local``.

        Raises:
            FileNotFoundError: There is no such file.
        """
        with self._open(name) as file, fresh_file(local) as target:
            shutil.copyfileobj(file, target, _BLOCK)

    def names(self, below: str) -> Iterator[str]:
        """The names of all files under ``below``, which may not exist. Files that are not whole are among
        them.
        """
        try:
            with self._folder(_parts(below)) as handle:
                yield from self._listed(handle, "/".join(_parts(below)))
        except FileNotFoundError:
            return

    def delete(self, below: str) -> None:
        """Deletes a file, a link, or a folder with all that it holds. Does nothing where the name does not
        exist.
        """
        *folders, last = _parts(below) or ["."]
        try:
            if last == ".":
                shutil.rmtree(self.root)
                return
            with self._folder(folders) as parent:
                if stat.S_ISDIR(os.stat(last, dir_fd=parent, follow_symlinks=False).st_mode):
                    shutil.rmtree(last, dir_fd=parent)
                else:
                    os.unlink(last, dir_fd=parent)
        except FileNotFoundError:
            return

    def _write(self, name: str, source: BinaryIO, *, anew: bool = False) -> None:
        """Writes a file. With ``anew``, an existing file is left alone and :class:`FileExistsError` is
        raised.
        """
        *folders, last = _parts(name)
        partial = f"{last}.{uuid.uuid4().hex[:8]}{PARTIAL}"
        os.makedirs(self.root, exist_ok=True)
        with self._folder(folders, make=True) as parent:
            try:
                with open(os.open(partial, _WRITE, 0o666, dir_fd=parent), "wb") as file:
                    shutil.copyfileobj(source, file, _BLOCK)
                places = {"src_dir_fd": parent, "dst_dir_fd": parent}
                if not anew:
                    os.replace(partial, last, **places)
                    return
                os.link(partial, last, **places, follow_symlinks=False)
            except OSError:
                with suppress(OSError):
                    os.unlink(partial, dir_fd=parent)
                raise
            os.unlink(partial, dir_fd=parent)

    def _open(self, name: str) -> BinaryIO:
        *folders, last = _parts(name)
        with self._folder(folders) as parent, self._no_link(name):
            handle = os.open(last, _READ, dir_fd=parent)
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            os.close(handle)
            raise self._refused(name)
        return open(handle, "rb")

    @contextmanager
    def _folder(self, parts: list[str], *, make: bool = False) -> Iterator[int]:
        """Opens a folder and yields its handle. With ``make``, folders that are missing are made."""
        handle = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for part in parts:
                if make:
                    with suppress(FileExistsError):
                        os.mkdir(part, dir_fd=handle)
                with self._no_link("/".join(parts)):
                    inner = os.open(part, _FOLDER, dir_fd=handle)
                os.close(handle)
                handle = inner
            yield handle
        finally:
            os.close(handle)

    def _listed(self, handle: int, below: str) -> Iterator[str]:
        with os.scandir(handle) as entries:
            listed = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
        for last, is_folder in sorted(listed):
            name = f"{below}/{last}".lstrip("/")
            if is_folder:
                try:
                    with self._no_link(name):
                        inner = os.open(last, _FOLDER, dir_fd=handle)
                except FileNotFoundError:  # a checkpoint that another process has just deleted
                    continue
                try:
                    yield from self._listed(inner, name)
                finally:
                    os.close(inner)
            else:
                yield name

    @contextmanager
    def _no_link(self, name: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if error.errno not in (errno.ELOOP, errno.ENOTDIR):
                raise
            raise self._refused(name) from None

    def _refused(self, name: str) -> UserError:
        return UserError(
            f"{self.root}/{name}: is, or leads through, a link or what is no file; allowed: files in folders"
        )


def _parts(name: str) -> list[str]:
    parts = name.split("/") if name else []
    if any(part in ("", ".", "..") for part in parts):
        raise UserError(f"file name {name[:200]!r}: leads out of its folder; allowed: names inside it")
    return parts
