"""Reads what the folder of a run with a pair has beside its figures on test data."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from ..errors import UserError
from ..evaluation.tables import read_matrix
from ..report.run_cost import run_cost
from ..storage.trial_files import STATUS_FILE, TEST_MATRIX_FILE


def recorded_pair(trial: Path) -> tuple[np.ndarray | None, dict[str, float], str]:
    """Reads what a tested trial has beside its figures.

    Parts that cannot be read are left out and named, since a study's result is written whatever a folder
    contains. Therefore nothing is raised.

    Args:
        trial: The trial's folder.

    Returns:
        The matrix of test data, (T, T) in percent, NaN where it was not measured, or None; the run's costs
        (:class:`~orchestrator.report.pair_result.PairResult`); and why a part is missing, in one line, or an
        empty text.
    """
    missing: list[str] = []
    matrix, cost = None, {}
    try:
        matrix = read_matrix(trial / TEST_MATRIX_FILE)[0]
        if not matrix.size or matrix.shape[0] != matrix.shape[1]:
            raise UserError(f"{trial / TEST_MATRIX_FILE}: has shape {matrix.shape}; allowed: a square one")
    except UserError as error:
        matrix = None
        missing.append(str(error))
    path = trial / STATUS_FILE
    try:
        cost = run_cost(json.loads(path.read_text(encoding="utf-8"))["reports"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        missing.append(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error})")
    return matrix, cost, "; ".join(missing)
