"""Reads pictures of any size and format from a folder, and crops them to their centre."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...errors import BadRecord
from .decode import decode
from .picture_bytes import picture_bytes


class FolderPictures:
    """Pictures of any size in files. Picture ``i`` is the file ``folder/<paths[i]>``. Its short side is
    resized to ``size``, and its centre is kept.

    The paths are kept as one array of bytes, so that a million of them pickle small. Nothing is looked up
    before it is read. There is no ``read_encoded``, because pictures that are kept encoded are decoded
    without cropping.
    """

    def __init__(self, folder: str, paths: Sequence[str], size: int) -> None:
        self.folder = folder
        self.size = size
        self._paths = np.array([p.encode() for p in paths], dtype=np.bytes_)

    def __len__(self) -> int:
        return len(self._paths)

    def path(self, row: int) -> str:
        """The file of a row."""
        return f"{self.folder}/{self._paths[row].decode()}"

    def read(self, rows: np.ndarray) -> np.ndarray:
        """Decodes the pictures at ``rows``: uint8 (n, S, S, 3), in that order.

        Raises:
            BadRecord: A file is missing, or is no whole picture.
        """
        out = np.empty((len(rows), self.size, self.size, 3), np.uint8)
        for i, row in enumerate(rows):
            path = self.path(row)
            try:
                out[i] = decode(picture_bytes(path), self.size, crop=True)
            except OSError as error:
                raise BadRecord(f"{path}: cannot be read ({error.strerror})", int(row)) from None
            except ValueError as error:
                message = f"{path}: cannot be decoded ({error}), allowed: a whole picture"
                raise BadRecord(message, int(row)) from None
        return out
