"""Metrics that follow from what a look at test data kept of each sample, by name.

They can be computed for any run whose predictions were kept, even if the metric was added later.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

Columns = Mapping[str, np.ndarray]
"""Name -> (N,), what was kept of each of N samples."""


@dataclass(frozen=True)
class PredictionMetric:
    """A metric of what the last model said of each test sample.

    Attributes:
        scenario: The scenario that has it.
        needs: The columns that it is computed from.
        compute: The columns -> the metric.
        text: Its definition.
        source: Where the definition is from; empty where it is common.
    """

    scenario: str
    needs: tuple[str, ...]
    compute: Callable[[Columns], float]
    text: str
    source: str = ""


def _balanced(columns: Columns) -> float:
    return float(np.mean(_by(columns["label"], columns["label"] == columns["predicted"])))


def _worst_class(columns: Columns) -> float:
    return float(np.min(_by(columns["label"], columns["label"] == columns["predicted"])))


def _per_kind(columns: Columns) -> float:
    return float(np.mean(_by(columns["kind"], columns["score"])))


def _median_rank(columns: Columns, way: str) -> float:
    # Of equally similar candidates the order is random, so that the own one is in their middle on average.
    return float(np.median(columns[f"{way}_rank"] + (columns[f"{way}_tied"] - 1) / 2))


def _by(kind: np.ndarray, score: np.ndarray) -> np.ndarray:
    """The mean of ``score`` (N,), in percent, over the samples of each kind that there is."""
    number = np.unique(kind, return_inverse=True)[1]
    return 100 * np.bincount(number, score) / np.bincount(number)


_RIGHT = ("label", "predicted")

FROM_PREDICTIONS: dict[str, PredictionMetric] = {
    "balanced_accuracy": PredictionMetric(
        "recognition",
        _RIGHT,
        _balanced,
        "the mean over classes of the accuracy on a class's pictures, among all classes: each class counts "
        "alike, however many pictures it has",
        "Brodersen et al., The balanced accuracy and its posterior distribution (2010)",
    ),
    "worst_class_accuracy": PredictionMetric(
        "recognition", _RIGHT, _worst_class, "the smallest of these accuracies"
    ),
    "txt_median_rank": PredictionMetric(
        "retrieval",
        ("txt_rank", "txt_tied"),
        lambda columns: _median_rank(columns, "txt"),
        "the median of the rank, from 1, at which a picture finds its text among those of all tasks. Equally "
        "similar texts share their ranks' mean. More is worse",
        "Med r, Karpathy and Fei-Fei, Deep visual-semantic alignments (2015)",
    ),
    "img_median_rank": PredictionMetric(
        "retrieval",
        ("img_rank", "img_tied"),
        lambda columns: _median_rank(columns, "img"),
        "the same of a text that finds its picture",
        "Karpathy and Fei-Fei (2015)",
    ),
    "mean_per_kind": PredictionMetric(
        "vqa",
        ("kind", "score"),
        _per_kind,
        "the mean over kinds of question of the mean soft accuracy: each kind counts alike",
        "arithmetic MPT, Kafle and Kanan, An analysis of visual question answering algorithms (2017)",
    ),
}
"""The metrics by name."""
