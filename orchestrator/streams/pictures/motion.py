"""Videos as features of their clips, read from HDF5."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...errors import BadRecord
from .h5_file import H5_LOCK, check_plain, open_h5, reason_of


class MotionPictures:
    """Videos in an HDF5 file of the layout of NExT-QA's ``app_mot_*.h5``.

    Video ``i`` is row ``places[i]`` of the data set ``feat`` (n, R, 2 F): R clips, each with F features of
    appearance followed by F of motion. Only the motion half is read, as VQACL's released code does. Every
    clip fills the whole picture, so that its box is 0 0 1 1.

    Args:
        path: The file.
        places: The row of each video.
        names: The videos' names, for errors.
        shape: (R, F).
    """

    def __init__(
        self, path: str, places: Sequence[int], names: Sequence[str], shape: tuple[int, int]
    ) -> None:
        self.path = path
        self.shape = shape
        self._places = np.array(places, np.int64)
        self._names = np.array([name.encode() for name in names], dtype=np.bytes_)

    def __len__(self) -> int:
        return len(self._places)

    def read(self, rows: np.ndarray) -> np.ndarray:
        """Reads the videos at ``rows``: float32 (n, R, F + 4), in that order.

        Raises:
            BadRecord: A video cannot be read or is not finite.
            UserError: The file cannot be opened.
        """
        clips, width = self.shape
        out = np.empty((len(rows), clips, width + 4), np.float32)
        out[:, :, width:] = (0, 0, 1, 1)
        first: dict[int, int] = {}
        for i, row in enumerate(np.asarray(rows).tolist()):
            index = int(self._places[row])
            if first.setdefault(index, i) != i:
                out[i] = out[first[index]]
                continue
            try:
                with H5_LOCK:
                    feat = open_h5(self.path)["feat"]
                    check_plain(feat.id, clips * width, self.path)
                    out[i, :, :width] = feat[index, :, width:]
                if not np.isfinite(out[i]).all():
                    raise ValueError("its features hold NaN or infinity")
            except (ValueError, TypeError, KeyError, OSError, IndexError, RuntimeError) as error:
                name = bytes(self._names[row]).decode()
                message = (
                    f"{self.path}: video {name!r}: {reason_of(error)}, allowed: feat "
                    f"(n, {clips}, {2 * width}), finite"
                )
                raise BadRecord(message, row) from None
        return out
