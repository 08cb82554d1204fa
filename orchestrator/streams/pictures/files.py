"""Reads pictures from a folder."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...errors import BadRecord
from .decode import decode
from .picture_bytes import picture_bytes


class FilePictures:
    """Pictures in files. Picture ``i`` is the file ``folder/<ids[i]>.jpg``, decoded to side ``size`` when it
    is read.

    The names are kept as one array of bytes: a million of them pickle in about ten megabytes. Nothing is
    looked up before it is read.
    """

    def __init__(self, folder: str, ids: Sequence[str], size: int) -> None:
        self.folder = folder
        self.size = size
        self._ids = np.array([i.encode() for i in ids], dtype=np.bytes_)

    def __len__(self) -> int:
        return len(self._ids)

    def path(self, row: int) -> str:
        """The file of a row."""
        return f"{self.folder}/{self._ids[row].decode()}.jpg"

    def read(self, rows: np.ndarray) -> np.ndarray:
        """Decodes the pictures at ``rows``: uint8 (n, S, S, 3), in that order.

        Raises:
            BadRecord: A file is missing, or is no whole picture.
        """
        return self.read_crops(rows, [None] * len(rows))

    def read_crops(self, rows: np.ndarray, draws: Sequence[np.ndarray | None]) -> np.ndarray:
        """Decodes a random crop of each picture at ``rows``, cut out in its original size.

        Args:
            rows: The pictures.
            draws: The draws for each picture's crop, as of :func:`~.decode.decode`.

        Raises:
            BadRecord: As of :meth:`read`.
        """
        out = np.empty((len(rows), self.size, self.size, 3), np.uint8)
        for i, (row, own) in enumerate(zip(rows, draws, strict=True)):
            try:
                out[i] = decode(self._bytes(int(row)), self.size, draws=own)
            except ValueError as error:
                message = f"{self.path(row)}: cannot be decoded ({error}), allowed: a whole JPEG"
                raise BadRecord(message, int(row)) from None
        return out

    def read_encoded(self, rows: np.ndarray) -> list[bytes]:
        """The bytes of the files at ``rows``, not decoded.

        Raises:
            BadRecord: A file cannot be read.
        """
        return [self._bytes(int(row)) for row in rows]

    def _bytes(self, row: int) -> bytes:
        try:
            return picture_bytes(self.path(row))
        except OSError as error:
            raise BadRecord(f"{self.path(row)}: cannot be read ({error.strerror})", row) from None
