"""Finds what a file of features holds without reading the features."""

from __future__ import annotations

import math

from ....errors import UserError
from ...pictures.h5_file import H5_LOCK, check_plain, open_h5, reason_of


def region_names(path: str) -> tuple[set[str], tuple[int, int]]:
    """The pictures whose regions the file has, and (R, F) of the first of them that has features.

    Raises:
        UserError: The file cannot be opened or has no such picture.
    """
    import h5py

    try:
        with H5_LOCK:
            file = open_h5(path)
            names = set(file)
            for name in file:
                group = file[name]
                features = group.get("features") if isinstance(group, h5py.Group) else None
                if isinstance(features, h5py.Dataset) and features.ndim == 2 and min(features.shape) > 0:
                    check_plain(features.id, features.size, path)
                    return names, features.shape
    except (OSError, RuntimeError, KeyError, ValueError) as error:
        raise UserError(f"{path}: cannot be read ({reason_of(error)}), allowed: a whole HDF5 file") from None
    raise UserError(f"{path}: holds no features, allowed: groups with features (R, F), one a picture")


def motion_places(path: str) -> tuple[dict[str, int], tuple[int, int]]:
    """Video -> its row in ``feat``, and (R, F): the number of clips and the width of the motion half.

    Raises:
        UserError: The file cannot be opened or has another layout, or a video has two rows.
    """
    try:
        with H5_LOCK:
            file = open_h5(path)
            missing = [name for name in ("ids", "feat") if name not in file]
            if missing:
                raise UserError(f"{path}: has no {missing[0]}, allowed: ids (n,) and feat (n, R, 2 F)")
            check_plain(file["ids"].id, file["ids"].size, path)
            ids, shape, numbers = file["ids"][()], file["feat"].shape, file["feat"].dtype
            check_plain(file["feat"].id, math.prod(shape[1:]), path)
    except (OSError, RuntimeError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"{path}: cannot be read ({reason_of(error)}), allowed: a whole HDF5 file with ids and feat"
        ) from None
    if numbers.kind not in "fiu":
        raise UserError(f"{path}: feat holds {numbers}, allowed: numbers, with or without fractions")
    if len(shape) != 3 or shape[2] % 2 or min(shape) == 0:
        raise UserError(f"{path}: feat has shape {shape}, allowed: (n, R, 2 F), appearance then motion")
    if ids.shape != shape[:1]:
        raise UserError(f"{path}: {shape[0]} rows of feat and ids {ids.shape}, allowed: one id a row")
    names = [v.decode(errors="replace") if isinstance(v, bytes) else str(v) for v in ids.tolist()]
    rows = {name: row for row, name in enumerate(names)}
    if len(rows) < len(names):
        twice = next(name for row, name in enumerate(names) if rows[name] != row)
        raise UserError(f"{path}: ids holds {twice} twice, allowed: one row a video")
    return rows, (shape[1], shape[2] // 2)
