"""Reads what a look at test data kept of each sample from the record."""

from __future__ import annotations

import numpy as np

from ..errors import UserError
from ..evaluation.kept_predictions import parse_predictions
from ..storage.trial_files import PREDICTIONS_FILE
from ..tracking.record_reader import RecordReader
from ..tracking.recorded_run import RecordedRun


def recorded_predictions(reader: RecordReader, trial: RecordedRun) -> dict[str, np.ndarray]:
    """Reads the kept predictions of a tested trial.

    Args:
        reader: The record.
        trial: The trial.

    Returns:
        Column -> (N,), see :data:`~orchestrator.evaluation.kept_predictions.COLUMNS`.

    Raises:
        LookupError: The record has no such file, as of a look by an earlier version, or the file cannot be
            read. The message is one line.
    """
    try:
        data = reader.data(trial, PREDICTIONS_FILE)
    except LookupError as error:
        raise LookupError(f"{error}; looks at test data by earlier versions kept none") from error
    try:
        return parse_predictions(data, f"{trial.name}/{trial.trial}: {PREDICTIONS_FILE}")
    except UserError as error:
        raise LookupError(str(error)) from error
