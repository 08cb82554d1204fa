"""Reads pictures that a program passes."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence, Set
from contextlib import suppress
from os import PathLike, fspath
from typing import Any

import numpy as np
from PIL import ExifTags, Image

from ...errors import BadRecord, UserError
from .decode import decode
from .eight_bits import eight_bits
from .picture_bytes import picture_bytes

_KINDS = "a file's path, a file's bytes, a PIL image, or an array of uint8 (height, width, 3)"
_FORMATS = "a whole JPEG, PNG, WebP, AVIF, BMP, GIF, TIFF or PPM file"
_AS_THEY_ARE = ("1", "L", "LA", "P", "RGB", "RGBA")  # what PNG keeps


class GivenPictures:
    """Pictures from a program, read as a stream reads its own.

    Args:
        pictures: Each is the path of a file, the bytes of a file, a PIL image, or an array uint8 (height,
            width, 3). Where the stream has features of regions, each is an array of these.
        shape: The shape of one picture as it is read: (S, S, 3), or (R, F + 4).
        kind: NumPy's type of it, uint8 or float32.
        crop: Whether the short side is resized and the centre kept; else both sides are resized.

    Raises:
        UserError: ``pictures`` is one picture, or no list.
    """

    def __init__(
        self, pictures: Sequence[Any], shape: tuple[int, ...], kind: type[np.generic], crop: bool
    ) -> None:
        if isinstance(pictures, str | bytes | PathLike | Image.Image):
            raise UserError(f"pictures: {str(pictures)[:60]!r} is one; allowed: a list of them")
        try:
            listed = len(pictures) >= 0 and not isinstance(pictures, Mapping | Set)
        except TypeError:
            listed = False
        if not listed:
            raise UserError(f"pictures: {str(pictures)[:60]!r}; allowed: a list of them")
        self._pictures = pictures
        self._shape = shape
        self._kind = kind
        self._crop = crop

    def __len__(self) -> int:
        return len(self._pictures)

    def read(self, rows: np.ndarray) -> np.ndarray:
        """(n, *shape) in the order of ``rows``. Raises :class:`~orchestrator.errors.BadRecord` for a picture
        that cannot be read.
        """
        out = np.empty((len(rows), *self._shape), self._kind)
        for index, row in enumerate(map(int, rows)):
            out[index] = self._one(self._pictures[row], row)
        return out

    def _one(self, picture: Any, row: int) -> np.ndarray:
        if not isinstance(picture, str | bytes | PathLike | Image.Image):
            picture = np.asarray(picture)
            # Regions' features may be float64; a picture of more than eight bits would be cut.
            same = picture.dtype == self._kind or np.dtype(self._kind).kind == picture.dtype.kind == "f"
            if picture.shape == self._shape and same:
                return picture
        if len(self._shape) != 3:
            allowed = f"an array of {np.dtype(self._kind)} {self._shape}, a picture's regions"
            raise BadRecord(f"picture {row}: {_shown(picture)}; allowed: {allowed}", row)
        name = f"picture {row}"
        try:
            if isinstance(picture, str | PathLike):
                name = fspath(picture)
            return decode(_encoded(picture), self._shape[0], self._crop)
        except OSError as error:
            raise BadRecord(f"{name}: cannot be read ({error.strerror or error})", row) from None
        except ValueError as error:
            allowed = f"the bytes of {_FORMATS}" if isinstance(picture, bytes) else _KINDS
            raise BadRecord(f"{name}: cannot be decoded ({error}); allowed: {allowed}", row) from None


def _encoded(picture: Any) -> bytes:
    """The bytes of a file that has the picture."""
    if isinstance(picture, bytes):
        return picture
    if isinstance(picture, str | PathLike):
        return picture_bytes(fspath(picture))
    if isinstance(picture, np.ndarray):
        if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or 0 in picture.shape:
            raise ValueError(_shown(picture))
        picture = Image.fromarray(picture)
    # It is encoded without loss and read like the file that it came from: upright, without a guess at white.
    exif, turned = Image.Exif(), None
    with suppress(Exception):  # Pillow raises many types of errors on malformed data
        turned = picture.getexif().get(ExifTags.Base.Orientation)
    exif[ExifTags.Base.Orientation] = turned if turned in range(1, 9) else 1
    picture, file = eight_bits(picture), io.BytesIO()
    (picture if picture.mode in _AS_THEY_ARE else picture.convert("RGB")).save(file, "PNG", exif=exif)
    return file.getvalue()


def _shown(picture: Any) -> str:
    if isinstance(picture, np.ndarray):
        return f"it is an array of {picture.dtype} {picture.shape}"
    return f"it is {str(picture)[:60]!r}"
