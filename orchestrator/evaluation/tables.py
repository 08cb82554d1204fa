"""Reads and writes the tables of an evaluation as CSV: accuracy matrices and others."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ..errors import UserError


class Table(NamedTuple):
    """A table of percentages.

    Attributes:
        values: (R, C), NaN where nothing was measured.
        rows: A name for each row.
        columns: A name for each column.
    """

    values: np.ndarray
    rows: Sequence[str]
    columns: Sequence[str]


def write_matrix(path: Path, matrix: ArrayLike, names: Sequence[str]) -> None:
    """Writes an accuracy matrix as CSV. An empty field was not measured.

    Args:
        path: The file.
        matrix: ``R`` (S, T): a column for each task, a row for each finished task.
        names: The tasks' names.
    """
    write_table(path, Table(np.asarray(matrix, dtype=float), names, names), "after")


def write_table(path: Path, table: Table, corner: str) -> None:
    """Writes a table as CSV. An empty field was not measured.

    Args:
        path: The file.
        table: The table.
        corner: The text of the top left field, which says what the table's rows are.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([corner, *table.columns])
        for name, row in zip(table.rows, table.values, strict=False):
            writer.writerow([name, *("" if math.isnan(value) else repr(float(value)) for value in row)])


def read_matrix(path: Path) -> tuple[np.ndarray, list[str]]:
    """Reads what :func:`write_matrix` wrote.

    Returns:
        ``R`` (S, T), float64, NaN where nothing was measured, and the T task names.

    Raises:
        UserError: As of :func:`read_table`.
    """
    table = read_table(path, "after")
    return table.values, list(table.columns)


def read_table(path: Path, corner: str) -> Table:
    """Reads what :func:`write_table` wrote.

    Args:
        path: The file.
        corner: What the table's rows are.

    Raises:
        UserError: There is no such file, a row has the wrong length, or a field is no number.
    """
    try:
        with open(path, newline="", encoding="utf-8") as file:
            rows = [row for row in csv.reader(file) if row]
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error})") from error
    return _table(rows, corner, str(path))


def parse_matrix(text: str, where: str) -> np.ndarray:
    """The ``R`` of what :func:`write_matrix` wrote, (S, T), float64, NaN where nothing was measured.

    Args:
        text: What the file has.
        where: The file's description, for errors.

    Raises:
        UserError: As of :func:`read_table`.
    """
    rows = [row for row in csv.reader(text.splitlines(keepends=True)) if row]
    return _table(rows, "after", where).values


def _table(rows: Sequence[Sequence[str]], corner: str, where: str) -> Table:
    if not rows or rows[0][0] != corner:
        raise UserError(f"{where}: line 1 must be '{corner}' and the names of the columns")
    names = rows[0][1:]
    values = np.full((len(rows) - 1, len(names)), np.nan)
    for r, row in enumerate(rows[1:]):
        if len(row) != len(names) + 1:
            raise UserError(f"{where}: row {row[0]!r} has {len(row) - 1} values for {len(names)} columns")
        for c, value in enumerate(row[1:]):
            try:
                values[r, c] = float(value) if value else math.nan
            except ValueError:
                raise UserError(
                    f"{where}: row {row[0]!r}, column {names[c]!r}: {value!r} is no number"
                ) from None
    return Table(values, [row[0] for row in rows[1:]], names)
