"""Reads the matrix of a trial on test data from the record."""

from __future__ import annotations

import numpy as np

from ..errors import UserError
from ..evaluation.tables import parse_matrix
from ..storage.trial_files import TEST_MATRIX_FILE
from ..tracking.matrix_tag import read_matrix_tag
from ..tracking.names import MATRIX
from ..tracking.record_reader import RecordReader
from ..tracking.recorded_run import RecordedRun


def recorded_matrix(reader: RecordReader, trial: RecordedRun) -> np.ndarray:
    """Reads the matrix of a tested trial from its file, or, where the record's files are not there, from its
    tag, which has two decimals.

    Args:
        reader: The record.
        trial: The trial.

    Returns:
        (T, T), the score on each task after each task, in percent, NaN where it was not measured.

    Raises:
        LookupError: The record has no such file, or it is no square matrix. The message is one line.
    """
    try:
        text = reader.text(trial, TEST_MATRIX_FILE)
    except LookupError:
        if (kept := read_matrix_tag(trial.tags.get(MATRIX, ""))) is None:
            raise
        return kept
    of = f"{trial.name}/{trial.trial}: {TEST_MATRIX_FILE}"
    try:
        matrix = parse_matrix(text, of)
    except UserError as error:
        raise LookupError(str(error)) from error
    if not matrix.size or matrix.shape[0] != matrix.shape[1]:
        raise LookupError(f"{of}: has shape {matrix.shape}; allowed: a square one")
    return matrix
