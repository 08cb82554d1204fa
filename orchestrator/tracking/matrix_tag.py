"""A matrix of scores as the text of a tag, so that MLflow's database alone has it."""

from __future__ import annotations

import json
import math

import numpy as np

from .names import LONGEST_TAG


def matrix_tag(matrix: np.ndarray) -> str:
    """Writes a matrix as compact JSON with two decimals, ``null`` where nothing was measured.

    Args:
        matrix: (T, T), in percent, NaN where nothing was measured. What is not finite counts as not measured.

    Returns:
        The text; empty where it is longer than a tag may be, which a matrix of 35 tasks never is.
    """
    rows = [[_short(value) if math.isfinite(value) else None for value in row] for row in matrix.tolist()]
    text = json.dumps(rows, separators=(",", ":"))
    return text if len(text) <= LONGEST_TAG else ""


def read_matrix_tag(text: str) -> np.ndarray | None:
    """Reads what :func:`matrix_tag` wrote.

    Args:
        text: The tag's text; empty: there is none.

    Returns:
        (T, T), in percent, NaN where nothing was measured; None where the text is no square matrix.
    """
    try:
        matrix = np.array(json.loads(text or "null"), dtype=float)
    except (ValueError, TypeError, RecursionError):
        return None
    return matrix if matrix.ndim == 2 and matrix.size and matrix.shape[0] == matrix.shape[1] else None


def _short(value: float) -> float | int:
    """Two decimals, and none where they are zeros."""
    rounded = round(value, 2)
    return int(rounded) if rounded == int(rounded) else rounded
