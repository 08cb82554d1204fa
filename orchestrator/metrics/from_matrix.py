"""Metrics that follow from a stream's accuracy matrix alone, by name.

They can be computed for any run whose matrix was kept, even if the metric was added later.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .matrix import (
    average_over_time,
    backward_transfer,
    final_average,
    forgetting,
    learning_accuracy,
)


@dataclass(frozen=True)
class MatrixMetric:
    """A metric of ``R`` (T, T), the score on each task after each task.

    Attributes:
        compute: ``R`` -> the metric, NaN where it needs more tasks or an entry that was not measured.
        text: Its definition. R[t, k] is counted from 1, and T is the number of tasks.
        source: Where the definition is from; empty where it is common.
    """

    compute: Callable[[np.ndarray], float]
    text: str
    source: str = ""


def _worst_task(matrix: np.ndarray) -> float:
    return float(np.min(matrix[-1]))


def _spread(matrix: np.ndarray) -> float:
    return float(np.std(matrix[-1], ddof=1)) if len(matrix) > 1 else float("nan")


def _past_and_present(matrix: np.ndarray) -> float:
    return float(matrix[np.tril_indices(len(matrix))].mean())


def _backward_over_time(matrix: np.ndarray) -> float:
    past = np.tril_indices(len(matrix), -1)
    return float((matrix - matrix.diagonal())[past].mean()) if len(matrix) > 1 else float("nan")


def _forward(matrix: np.ndarray) -> float:
    return float(matrix[np.triu_indices(len(matrix), 1)].mean()) if len(matrix) > 1 else float("nan")


_DIAZ = "Diaz-Rodriguez et al., Don't forget, there is more than forgetting (2018)"

FROM_MATRIX: dict[str, MatrixMetric] = {
    "unweighted_average": MatrixMetric(
        final_average, "the mean of the last row, each task counted alike", "ACC, GEM"
    ),
    "unweighted_average_over_time": MatrixMetric(
        average_over_time, "the mean over t of the mean of R[t, 1] .. R[t, t]", "CLAP4CLIP's Avg"
    ),
    "learning_accuracy": MatrixMetric(learning_accuracy, "the mean of R[k, k]", "MER"),
    "forgetting": MatrixMetric(
        forgetting, "the mean over k < T of max(R[k, k] .. R[T-1, k]) - R[T, k]", "RWalk"
    ),
    "forgetting_including_last": MatrixMetric(
        lambda matrix: forgetting(matrix, "best_including_last"),
        "the same with the last row among the best, so that it is never below 0",
        "Mammoth; TRIPLET's F",
    ),
    "backward_transfer": MatrixMetric(backward_transfer, "the mean over k < T of R[T, k] - R[k, k]", "GEM"),
    "backward_transfer_over_time": MatrixMetric(
        _backward_over_time, "the mean over all k < t of R[t, k] - R[k, k]", f"BWT, {_DIAZ}"
    ),
    "past_and_present": MatrixMetric(_past_and_present, "the mean of R[t, k] over k <= t", f"A, {_DIAZ}"),
    "tasks_to_come": MatrixMetric(
        _forward, "the mean of R[t, k] over k > t: tasks that were not trained yet", f"FWT, {_DIAZ}"
    ),
    "worst_task": MatrixMetric(_worst_task, "the smallest entry of the last row"),
    "spread_over_tasks": MatrixMetric(_spread, "the sample standard deviation of the last row"),
}
"""The metrics by name."""
