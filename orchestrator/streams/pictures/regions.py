"""Reads pictures as features of their regions from HDF5."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ...errors import BadRecord
from .h5_file import H5_LOCK, check_plain, open_h5, reason_of

if TYPE_CHECKING:
    import h5py

# Detectors' boxes end on the picture's edge up to rounding.
_EDGE = 1e-3


class RegionPictures:
    """Features of pictures' regions, in HDF5 files of the layout of LXMERT's and VL-T5's features.

    Picture ``i`` is the group ``names[i]`` of the file ``files[file[i]]``. A group has ``features`` (R, F),
    ``boxes`` (R, 4) x1 y1 x2 y2 in pixels, ``img_w`` and ``img_h``. Where no box reaches beyond 1, boxes are
    taken as parts of the picture's sides. Only what is asked for is read, and only once however often it is
    asked for. Names are kept as one array of bytes, and the process that reads opens the files: a million
    rows pickle in a few tens of megabytes.

    Args:
        files: The files.
        file: The index of each picture's file.
        names: The name of each picture's group.
        shape: (R, F), the same for all pictures.
    """

    def __init__(
        self, files: Sequence[str], file: Sequence[int], names: Sequence[str], shape: tuple[int, int]
    ) -> None:
        self.files = tuple(files)
        self.shape = shape
        self._file = np.array(file, np.int8)
        self._names = np.array([name.encode() for name in names], dtype=np.bytes_)

    def __len__(self) -> int:
        return len(self._names)

    def read(self, rows: np.ndarray) -> np.ndarray:
        """Reads the pictures at ``rows``: float32 (n, R, F + 4), features followed by boxes in parts of the
        picture's sides, 0 .. 1.

        Raises:
            BadRecord: A picture is missing, of another shape, not finite, or cannot be read.
            UserError: A file cannot be opened.
        """
        regions, width = self.shape
        out = np.empty((len(rows), regions, width + 4), np.float32)
        first: dict[tuple[int, bytes], int] = {}
        for i, row in enumerate(np.asarray(rows).tolist()):
            key = (int(self._file[row]), bytes(self._names[row]))
            if key in first:
                out[i] = out[first[key]]
                continue
            first[key] = i
            path, name = self.files[key[0]], key[1].decode()
            try:
                # The lock is held for one picture at a time, so that readers take turns.
                with H5_LOCK:
                    self._fill(open_h5(path), name, out[i])
            except (ValueError, TypeError, KeyError, OSError, RuntimeError) as error:
                message = f"{path}: picture {name!r}: {reason_of(error)}, allowed: {self._allowed()}"
                raise BadRecord(message, row) from None
        return out

    def _fill(self, file: h5py.File, name: str, out: np.ndarray) -> None:
        import h5py

        regions, width = self.shape
        if name.encode() not in file.id:
            raise ValueError("is not in the file")
        # These are the library's own calls, since its Python objects take longer than the reading.
        group = h5py.h5g.open(file.id, name.encode())
        out[:, :width] = _numbers(group, file.filename, "features", (regions, width))
        sides = np.tile([_number(group, "img_w"), _number(group, "img_h")], 2)
        boxes = _numbers(group, file.filename, "boxes", (regions, 4))
        if boxes.max() > 1 + _EDGE:  # else they are parts: in pixels all would lie in the first pixel
            boxes = boxes / sides
        if not (boxes.min() >= -_EDGE and boxes.max() <= 1 + _EDGE):
            raise ValueError("a box reaches outside the picture")
        if (boxes[:, :2] > boxes[:, 2:] + _EDGE).any():
            raise ValueError("a box ends before it begins")
        if (boxes[:, :2] >= boxes[:, 2:]).any(axis=1).all():
            raise ValueError("none of its boxes has an extent")
        out[:, width:] = boxes.clip(0, 1)

    def _allowed(self) -> str:
        regions, width = self.shape
        return f"features ({regions}, {width}), boxes ({regions}, 4), img_w and img_h, all finite"


def _numbers(group: h5py.h5g.GroupID, path: str | None, name: str, shape: tuple[int, ...]) -> np.ndarray:
    import h5py

    if name.encode() not in group:
        raise ValueError(f"has no {name}")
    dataset = h5py.h5d.open(group, name.encode())
    if dataset.shape != shape:
        raise ValueError(f"{name} has shape {dataset.shape}")
    if path is not None:
        check_plain(dataset, math.prod(shape), path)
    out = np.empty(shape, np.float32)
    dataset.read(h5py.h5s.ALL, h5py.h5s.ALL, out)
    if shape and not np.isfinite(out).all():
        raise ValueError(f"{name} holds NaN or infinity")
    return out


def _number(group: h5py.h5g.GroupID, name: str) -> float:
    number = float(_numbers(group, None, name, ()))
    if not 0 < number < np.inf:
        raise ValueError(f"{name} is {number:g}")
    return number
