"""A folder of arrays whose name is the hash of all that decides them."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import UserError
from ..storage.fresh_file import fresh_file

FORMAT = 2  # 2: pictures are turned upright, grey of 16 bits is read
_BLOCK = 2**24


class CacheEntry:
    """The folder ``root/KEY``: ``meta.json``, the finished arrays as .npy, and ``chunks/`` while they are
    being made.

    KEY is the sha256 of ``identity``. A file appears whole or not at all.

    Args:
        root: The folder of all entries.
        identity: Everything that decides the arrays, as plain values.
    """

    def __init__(self, root: Path, identity: Mapping[str, Any]) -> None:
        self.identity = json.loads(json.dumps({"format": FORMAT, **identity}))
        text = json.dumps(self.identity, sort_keys=True, ensure_ascii=False)
        self.folder = root / hashlib.sha256(text.encode()).hexdigest()[:32]

    def path(self, name: str) -> Path:
        """Returns the file of a finished array."""
        return self.folder / f"{name}.npy"

    def finished(self) -> dict[str, Any] | None:
        """Returns what :meth:`finish` was given. The arrays are then there, and whole.

        Returns:
            What :meth:`finish` was given; None where the arrays are not finished.

        Raises:
            UserError: ``meta.json`` describes something else, or an array is not the one that was finished.
                The message has one line and names the file.
        """
        meta = self._meta()
        if meta is None or "files" not in meta:
            return None
        for name, expected in meta["files"].items():
            path = self.path(name)
            if (there := _described(path)) != expected:
                raise UserError(
                    f"{path}: {_difference(there, expected)}; remove the folder {self.folder}, and it is "
                    "encoded again"
                )
        return meta["told"]

    def _meta(self) -> dict[str, Any] | None:
        path = self.folder / "meta.json"
        if not path.exists():
            return None
        try:
            meta = json.loads(path.read_text(encoding="utf-8"))
            identity = meta["identity"]
        except (ValueError, KeyError, TypeError):
            raise UserError(f"{path}: is no whole description; remove the folder {self.folder}") from None
        for key, value in self.identity.items():
            if identity.get(key) != value:
                raise UserError(
                    f"{path}: {key} is {_short(identity.get(key))}, not {_short(value)}, which the folder's "
                    f"name stands for; remove the folder {self.folder}"
                )
        return meta

    def start(self) -> None:
        """Prepares the folder for chunks."""
        (self.folder / "chunks").mkdir(parents=True, exist_ok=True)
        if not (self.folder / "meta.json").exists():
            self._write("meta.json", _json({"identity": self.identity}))

    def write_chunk(self, number: int, data: bytes) -> None:
        """Keeps a chunk.

        Args:
            number: The chunk's number.
            data: The bytes of an .npz file.
        """
        self._write(f"chunks/{number:06d}.npz", data)

    def chunk(self, number: int) -> dict[str, np.ndarray] | None:
        """Returns the arrays of a chunk; None where there is no chunk, or no whole one."""
        try:
            with np.load(self.folder / f"chunks/{number:06d}.npz", allow_pickle=False) as file:
                if any(part.compress_type != zipfile.ZIP_STORED for part in file.zip.infolist()):
                    return None  # this project wrote no such chunk, which may have any size
                return {name: file[name] for name in file.files}
        except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error):
            return None

    def has_chunk(self, number: int) -> bool:
        """Returns whether there is a file of that chunk, whole or not."""
        return (self.folder / f"chunks/{number:06d}.npz").exists()

    def chunks(self) -> list[int]:
        """Returns the numbers of all chunks that have a file, whole or not, ascending."""
        return sorted(int(path.stem) for path in (self.folder / "chunks").glob("*.npz"))

    def finish(self, names: list[str], told: dict[str, Any]) -> dict[str, Any]:
        """Declares arrays complete that have been written to :meth:`path`.

        Args:
            names: The arrays' names.
            told: What is kept beside them.

        Returns:
            ``told``.
        """
        files = {name: _described(self.path(name)) for name in names}
        self._write("meta.json", _json({"identity": self.identity, "files": files, "told": told}))
        shutil.rmtree(self.folder / "chunks")
        return told

    def _write(self, name: str, data: bytes) -> None:
        path = self.folder / name
        partial = path.with_name(path.name + ".partial")
        try:
            with fresh_file(partial) as file:
                file.write(data)
            os.replace(partial, path)
        finally:
            partial.unlink(missing_ok=True)


def _json(value: Any) -> bytes:
    return json.dumps(value, indent=1, ensure_ascii=False).encode()


def _described(path: Path) -> dict[str, Any]:
    """The bytes, shape, type and checksum of an array file, as far as they can be read."""
    description: dict[str, Any] = {"bytes": path.stat().st_size if path.exists() else -1}
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return description
    check = 0
    with open(path, "rb") as file:
        while block := file.read(_BLOCK):
            check = zlib.crc32(block, check)
    return description | {"shape": list(array.shape), "dtype": str(array.dtype), "crc32": check}


def _difference(description: dict[str, Any], expected: dict[str, Any]) -> str:
    if description["bytes"] < 0:
        return "is missing"
    if description["bytes"] < expected["bytes"]:
        return f"was cut short, {description['bytes']} of {expected['bytes']} bytes"
    for key in ("shape", "dtype"):
        if description.get(key) != expected[key]:
            return f"its {key} is {description.get(key, 'unreadable')}, not {expected[key]}"
    return "its content is not what was encoded, as its checksum shows"


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}..."
