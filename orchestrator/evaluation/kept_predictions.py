"""What a look at test data keeps of each sample, for metrics that nobody thought of then."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import UserError

COLUMNS: dict[str, dict[str, str]] = {
    "recognition": {
        "task": "the picture's task, from 0",
        "label": "its class, in the order in which classes come, from 0",
        "predicted": "the likeliest class, among all classes",
        "confidence": "that class's probability",
    },
    "retrieval": {
        "task": "the pair's task, from 0",
        "txt_rank": "the rank, from 1, of a picture's own text among the texts of all tasks",
        "txt_tied": "how many texts share that rank and those behind it, as similar as the own one",
        "img_rank": "the rank of a text's own picture among the pictures of all tasks",
        "img_tied": "how many pictures share it and those behind it",
    },
    "vqa": {
        "task": "the question's task, from 0",
        "kind": "its kind, from 0",
        "group": "its group of objects, from 0",
        "answer": "the given answer's number in the stream's list, from 0; -1 where it is none of them",
        "score": "what the answer is worth, 0 .. 1",
    },
}
"""By scenario, what is kept of each sample: a column's name -> what it is."""


def write_predictions(path: Path, columns: Mapping[str, np.ndarray]) -> None:
    """Writes columns as a compressed ``.npz`` file, whole numbers in the smallest type that holds them and
    others as float32, which is the type that they were measured in.

    Args:
        path: The file.
        columns: Name -> (N,).
    """
    with open(path, "wb") as file:
        small: dict[str, Any] = {name: _small(np.asarray(column)) for name, column in columns.items()}
        np.savez_compressed(file, **small)


def parse_predictions(data: bytes, where: str) -> dict[str, np.ndarray]:
    """The columns of what :func:`write_predictions` wrote.

    Args:
        data: What the file has.
        where: The file's description, for errors.

    Returns:
        Name -> (N,), int64 or float64.

    Raises:
        UserError: The file is no such file. The message is one line.
    """
    allowed = "allowed: what a look at test data wrote"
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            found = {name: file[name] for name in file.files}
    except Exception:  # whatever NumPy raises of a file that is none of its own; it advises to trust the file
        raise UserError(f"{where}: is no .npz file of numbers; {allowed}") from None
    shapes = {column.shape for column in found.values()}
    kinds = {column.dtype.kind for column in found.values()}
    if len(shapes) != 1 or len(next(iter(shapes))) != 1 or 0 in next(iter(shapes)) or not kinds <= set("iuf"):
        raise UserError(f"{where}: has no columns of numbers of one length; {allowed}")
    return {
        name: column.astype(float if column.dtype.kind == "f" else np.int64) for name, column in found.items()
    }


def _small(column: np.ndarray) -> np.ndarray:
    if column.dtype.kind == "f":
        return column.astype(np.float32)
    least, most = (int(column.min()), int(column.max())) if column.size else (0, 0)
    return column.astype(np.result_type(np.min_scalar_type(least), np.min_scalar_type(most)))
