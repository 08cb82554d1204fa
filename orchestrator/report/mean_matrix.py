"""A method's task-by-task matrix over its pairs."""

from __future__ import annotations

from collections import Counter

import numpy as np

from .method_result import MethodResult


def matrices_of(method: MethodResult) -> np.ndarray | None:
    """The matrices of a method's pairs, (pairs, T, T) in percent; None where none is recorded.

    Where pairs have different numbers of tasks, those with the most frequent number are taken.

    Args:
        method: The method.
    """
    found = [pair.matrix for pair in method.pairs if pair.matrix is not None]
    if not found:
        return None
    ((shape, _),) = Counter(matrix.shape for matrix in found).most_common(1)
    return np.stack([matrix for matrix in found if matrix.shape == shape])


def mean_matrix(matrices: np.ndarray) -> np.ndarray:
    """The mean over pairs of matrices, (T, T); NaN where no pair has a score.

    Args:
        matrices: (pairs, T, T), NaN where there is nothing.
    """
    there = np.isfinite(matrices)
    count = there.sum(axis=0)
    total = np.where(there, matrices, 0.0).sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def average_so_far(matrices: np.ndarray) -> np.ndarray:
    """After each task the mean of the scores on the tasks so far, which count alike: (pairs, T).

    The last one is ``unweighted_average`` in recognition and ``average`` elsewhere.

    Args:
        matrices: (pairs, T, T).
    """
    tasks = matrices.shape[1]
    return np.stack([matrices[:, t, : t + 1].mean(axis=1) for t in range(tasks)], axis=1)
