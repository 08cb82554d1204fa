"""Reads and checks a request to a served model."""

from __future__ import annotations

import base64
import binascii
import io
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import UserError
from ..evaluation.predictor import Predictor

if TYPE_CHECKING:
    import pandas as pd

MOST = 10
"""How many pictures a text finds by default."""


class Request:
    """Rows of a table, and parameters for all of them.

    Args:
        rows: The table.
        params: ``cut``: whether a text with more tokens than the method reads is cut, as in training and
            evaluation; otherwise it is refused. In retrieval also ``pictures``, files in base64 that are
            searched in the place of the model's gallery, and ``top``, the most pictures for each text.
        predictor: The method, which says how much it reads.

    Methods raise :class:`~orchestrator.errors.UserError`, in one line that names the row.
    """

    def __init__(self, rows: pd.DataFrame, params: Mapping[str, Any], predictor: Predictor) -> None:
        self._rows = rows
        self._params = params
        self._predictor = predictor

    def pictures(self) -> list[Any]:
        """Each row's picture, as :meth:`~orchestrator.evaluation.predictor.Predictor.predict` takes it."""
        regions = len(self._predictor.picture[0]) != 3
        name = "regions" if regions else "picture"
        return [
            _regions(value, row) if regions else _file(value, name, row)
            for row, value in enumerate(self._column(name))
        ]

    def texts(self, name: str) -> list[str]:
        """A text each, from the column ``name``."""
        column = self._column(name)
        for row, text in enumerate(column):
            if not isinstance(text, str):
                raise UserError(f"{name} {row}: is {str(text)[:60]!r}; allowed: a text")
        if not self._params.get("cut") and (cut := self._predictor.first_cut(column)):
            row, count, most = cut
            raise UserError(
                f"{name} {row}: has {count} tokens; allowed: at most {most}, or the parameter cut, with "
                "which the rest is left out"
            )
        return column

    def gallery(self) -> list[bytes]:
        """The pictures' files that the request brings to search; empty: it brings none."""
        pictures = []
        for index, text in enumerate(self._params.get("pictures") or ()):
            if not isinstance(text, str):
                raise UserError(
                    f"pictures {index}: {text!r:.40} is no text; allowed: a picture's file in base64"
                )
            try:
                pictures.append(base64.b64decode("".join(text.split()), validate=True))  # it may have lines
            except (binascii.Error, ValueError):
                raise UserError(
                    f"pictures {index}: {str(text)[:40]!r} is not base64; allowed: a picture's file in base64"
                ) from None
        return pictures

    def most(self) -> int:
        """How many pictures a text finds at most.

        Raises:
            UserError: The parameter ``top`` is no whole number from 1.
        """
        most = self._params.get("top")
        if most is None:
            return MOST
        if most < 1:
            raise UserError(f"top {most}: allowed: whole numbers from 1")
        return int(most)

    def _column(self, name: str) -> list[Any]:
        if name not in self._rows:
            there = ", ".join(map(str, self._rows.columns)) or "none"
            raise UserError(f"columns {there}: {name} is not among them; allowed: {name} in each row")
        return list(self._rows[name])


def _file(value: Any, name: str, row: int) -> bytes:
    if not isinstance(value, bytes | bytearray) or not value:  # never a path of this machine
        said = "has no bytes" if value in (None, b"") else f"is {str(value)[:60]!r}"
        raise UserError(f"{name} {row}: {said}; allowed: the bytes of a file, in JSON as base64")
    return bytes(value)


def _regions(value: Any, row: int) -> np.ndarray:
    try:
        return np.load(io.BytesIO(_file(value, "regions", row)), allow_pickle=False)
    except (ValueError, OSError, EOFError, MemoryError) as error:
        raise UserError(
            f"regions {row}: are no NumPy file ({error}); allowed: the bytes of one, in JSON as base64"
        ) from None
