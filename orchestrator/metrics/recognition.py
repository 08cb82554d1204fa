"""Metrics of recognition beside accuracy: calibration, novel classes, drift. Scores are in percent, angles in
degrees.
"""

from __future__ import annotations

from typing import Any, Literal, get_args

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

Novelty = Literal["energy", "softmax", "variance", "variance_softmax", "variance_max_prob"]

BINS = 15


def calibration_error(confidence: ArrayLike, correct: ArrayLike, bins: int = BINS) -> float:
    """Computes the expected calibration error over a data set, in percent.

    The error is the sum over equal bins (lower, upper] of the bin's share of the samples times \\|accuracy -
    mean confidence\\|. Guo et al., On Calibration of Modern Neural Networks (ICML 2017), equation 3;
    torchmetrics agrees.

    Args:
        confidence: (N,), N >= 1, the best class's probability, in [0, 1].
        correct: (N,), whether the best class is the right one.
        bins: The number of equal bins over [0, 1].
    """
    sure, right = np.asarray(confidence, dtype=float), np.asarray(correct, dtype=float)
    bin_of = np.searchsorted(np.linspace(0, 1, bins + 1)[1:-1], sure, side="left")
    return float(100 * np.abs(np.bincount(bin_of, right - sure, bins)).sum() / len(sure))


def batch_calibration_error(confidence: ArrayLike, correct: ArrayLike, batch: ArrayLike) -> float:
    """Computes the unweighted mean over batches of :func:`calibration_error`, in percent.

    CLAP4CLIP's released code reports this measure (``evaluator.py``). It grows as batches shrink, whatever
    the model.

    Args:
        confidence: (N,), as of :func:`calibration_error`.
        correct: (N,), as of :func:`calibration_error`.
        batch: (N,), the number of each sample's batch.
    """
    sure, right, number = np.asarray(confidence), np.asarray(correct), np.asarray(batch)
    order = np.argsort(number, kind="stable")
    ends = np.flatnonzero(np.diff(number[order])) + 1
    return float(np.mean([calibration_error(sure[i], right[i]) for i in np.split(order, ends)]))


def novelty_confidence(samples: Tensor, reading: Novelty = "energy") -> Tensor:
    """Computes how sure a classifier is that samples belong to classes that it knows.

    Args:
        samples: (M, N, C), logits of N pictures in M samples of a stochastic classifier.
        reading: How confidence is measured. The last three are negative unbiased variances over the samples,
            which need M >= 2, as in CLAP4CLIP's released ``evaluator.py``.
            ``energy``: the logsumexp of the mean logits (Liu et al., NeurIPS 2020; CLAP4CLIP's choice).
            ``softmax``: the largest probability of the mean logits (Hendrycks and Gimpel, ICLR 2017).
            ``variance``: of the logits, summed over classes.
            ``variance_softmax``: of the probabilities, summed over classes.
            ``variance_max_prob``: of the largest probability.

    Returns:
        (N,), higher where the classifier is surer.

    Raises:
        ValueError: There is no such ``reading``.
    """
    if reading == "energy":
        return samples.mean(0).logsumexp(-1)
    if reading == "softmax":
        return samples.mean(0).softmax(-1).amax(-1)
    if reading == "variance":
        return -samples.var(0).sum(-1)
    if reading == "variance_softmax":
        return -samples.softmax(-1).var(0).sum(-1)
    if reading == "variance_max_prob":
        return -samples.softmax(-1).amax(-1).var(0)
    raise ValueError(f"confidence has no reading {reading!r}: one of {', '.join(get_args(Novelty))}")


def novelty_detection(known: ArrayLike, novel: ArrayLike) -> dict[str, float]:
    """Computes how well confidence tells samples of known classes from novel ones, in percent.

    Known samples are the positives. The measures are those of Hendrycks and Gimpel (ICLR 2017), as their
    released code and CLAP4CLIP's ``evaluator.py`` compute them.

    Args:
        known: (N,), confidence on samples of known classes.
        novel: (K,), confidence on samples of novel classes.

    Returns:
        ``auroc``; ``aupr``, the average precision; ``fpr95``, the share of novel samples that are taken for
        known. The threshold of ``fpr95`` is the one whose recall of the known samples is nearest to 95
        percent, the lowest of equally near ones, but none below the first threshold that finds all known
        samples.

    Raises:
        ValueError: A confidence is not finite.
    """
    sure = np.concatenate([np.asarray(known), np.asarray(novel)])
    if not np.isfinite(sure).all():
        raise ValueError("confidence is not finite")
    truth = np.arange(len(sure)) < len(np.asarray(known))
    hits, taken = _counts(truth, sure)
    false, recall = (np.concatenate([[0.0], counts]) / counts[-1] for counts in (taken, hits))
    end = np.searchsorted(recall, 1.0) + 1
    nearest = end - 1 - np.argmin(np.abs(recall[:end][::-1] - 0.95))
    return {
        "auroc": 100 * _area(hits, taken),
        # From the last one on, as scikit-learn adds them.
        "aupr": 100 * float((np.diff(recall) * (hits / (hits + taken)))[::-1].sum()),
        "fpr95": 100 * float(false[nearest]),
    }


def _counts(truth: NDArray[Any], sure: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Computes how many of the true samples, and of the others, are at least as sure as each confidence that
    there is, from the highest on.

    scikit-learn's ``roc_curve`` computes the same, and takes a second and a half to import, in every lane.
    """
    order = np.argsort(sure)[::-1]
    ends = np.append(np.flatnonzero(np.diff(sure[order])), len(sure) - 1)
    hits = np.cumsum(truth[order], dtype=float)[ends]
    return hits, 1 + ends - hits


def _area(hits: NDArray[Any], taken: NDArray[Any]) -> float:
    """Computes the area under the curve of recall over false positives.

    Points on the straight line between two others are left out, as in scikit-learn, whose sum is the same.
    """
    if len(hits) > 2:
        inner = (np.diff(hits, 2) != 0) | (np.diff(taken, 2) != 0)
        corner = np.concatenate([[True], inner, [True]])
        hits, taken = hits[corner], taken[corner]
    x, y = (np.concatenate([[0.0], counts]) / counts[-1] for counts in (taken, hits))
    return float((np.diff(x) * (y[1:] + y[:-1]) / 2).sum())


def harmonic_mean(base: float, new: float) -> float:
    """Computes H = 2bn / (b + n) of the accuracies on base and on new classes; it is 0 where both are 0.

    Xian et al. (CVPR 2017), and MMA's tables.

    Args:
        base: Accuracy b on the base classes.
        new: Accuracy n on the new classes.
    """
    return 2 * base * new / (base + new) if base + new else 0.0


def angle(first: Tensor, second: Tensor) -> Tensor:
    """Computes the angles between the rows of two matrices, in degrees.

    Between a class's text feature and its mean image feature this is the cross-modal deviation that CLAP4CLIP
    (Jha et al., NeurIPS 2024) follows over the tasks.

    Args:
        first: (C, D).
        second: (C, D).

    Returns:
        (C,), NaN where one of the two rows is all zeros.
    """
    a, b = first / first.norm(dim=-1, keepdim=True), second / second.norm(dim=-1, keepdim=True)
    # Kahan's formula: the arc cosine loses half of its digits at small angles.
    return torch.rad2deg(2 * torch.atan2((a - b).norm(dim=-1), (a + b).norm(dim=-1)))
