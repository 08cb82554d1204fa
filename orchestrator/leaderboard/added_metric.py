"""A metric that a run did not log, computed from its matrix."""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib import import_module

import numpy as np

from ..errors import UserError
from ..metrics.from_matrix import FROM_MATRIX

_PATH = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


def added_metric(name: str) -> Callable[[np.ndarray], float] | None:
    """Finds the function that computes a metric from a run's matrix of test data.

    Args:
        name: A name of :data:`~orchestrator.metrics.from_matrix.FROM_MATRIX`, or ``module:function``, whose
            module is imported. The function takes the matrix (T, T), R[t, k] the score on task k after task t
            in percent, and returns a number.

    Returns:
        The function; None where the name is neither.

    Raises:
        UserError: The module cannot be imported, or has no such function. The message is one line.
    """
    if name in FROM_MATRIX:
        return FROM_MATRIX[name].compute
    if not _PATH.fullmatch(name):
        return None
    module, _, function = name.partition(":")
    try:
        found = getattr(import_module(module), function)
    except Exception as error:  # whatever the module raises
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise UserError(f"--metric {name}: {lines[0]}; allowed: an importable module:function") from error
    if not callable(found):
        raise UserError(f"--metric {name}: is a {type(found).__name__}; allowed: a function of a matrix")

    def compute(matrix: np.ndarray) -> float:
        try:
            return float(found(matrix.copy()))
        except Exception as error:  # whatever the function raises
            lines = str(error).strip().splitlines() or [type(error).__name__]
            raise UserError(
                f"--metric {name}: {type(error).__name__} ({lines[0]}) for a matrix of shape {matrix.shape}"
            ) from error

    return compute
