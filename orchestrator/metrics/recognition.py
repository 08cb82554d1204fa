"""Metrics of recognition beside accuracy: calibration, novel classes, drift. Percent; angles in degrees."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve
from torch import Tensor

Novelty = Literal["energy", "softmax", "variance", "variance_softmax", "variance_max_prob"]

BINS = 15


def calibration_error(confidence: ArrayLike, correct: ArrayLike, bins: int = BINS) -> float:
    """Expected calibration error over a data set, in percent.

    ``confidence`` (N,), N >= 1: the best class's probability, in [0, 1]; ``correct`` (N,): whether it is the
    right one. The sum over equal bins (lower, upper] of their share times \\|accuracy - mean confidence\\|.
    Guo et al., On Calibration of Modern Neural Networks (ICML 2017), equation 3; torchmetrics agrees.
    """
    sure, right = np.asarray(confidence, dtype=float), np.asarray(correct, dtype=float)
    place = np.searchsorted(np.linspace(0, 1, bins + 1)[1:-1], sure, side="left")
    return float(100 * np.abs(np.bincount(place, right - sure, bins)).sum() / len(sure))


def batch_calibration_error(confidence: ArrayLike, correct: ArrayLike, batch: ArrayLike) -> float:
    """The unweighted mean over batches of :func:`calibration_error`, in percent.

    ``batch`` (N,): the number of each sample's batch. What CLAP4CLIP's released code reports
    (``evaluator.py``); it grows as batches shrink, whatever the model.
    """
    sure, right, number = np.asarray(confidence), np.asarray(correct), np.asarray(batch)
    order = np.argsort(number, kind="stable")
    ends = np.flatnonzero(np.diff(number[order])) + 1
    return float(np.mean([calibration_error(sure[i], right[i]) for i in np.split(order, ends)]))


def novelty_confidence(samples: Tensor, reading: Novelty = "energy") -> Tensor:
    """(N,): how sure a classifier is that samples belong to classes that it knows.

    ``samples`` (M, N, C): logits in M samples of a stochastic classifier. ``energy``: logsumexp of the mean
    logits (Liu et al., NeurIPS 2020; CLAP4CLIP's choice). ``softmax``: their largest probability (Hendrycks
    and Gimpel, ICLR 2017). The others are negative unbiased variances over the samples, which takes M >= 2:
    ``variance``, of logits, summed over classes; ``variance_softmax``, of probabilities;
    ``variance_max_prob``, of the largest probability. As CLAP4CLIP's released ``evaluator.py``.
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
    """How well confidence tells samples of known classes (N,), the positives, from novel ones (K,), in
    percent.

    ``auroc``; ``aupr``, average precision; ``fpr95``, novel samples taken for known at the threshold whose
    recall of the known is nearest to 95 percent, the lowest of equally near ones, but none below the
    first that finds all the known. Hendrycks and Gimpel (ICLR 2017), as their released code and CLAP4CLIP's
    ``evaluator.py`` measure it.
    """
    scores = np.concatenate([np.asarray(known), np.asarray(novel)])
    truth = np.arange(len(scores)) < len(np.asarray(known))
    false, recall, _ = roc_curve(truth, scores, drop_intermediate=False)
    end = np.searchsorted(recall, 1.0) + 1
    nearest = end - 1 - np.argmin(np.abs(recall[:end][::-1] - 0.95))
    return {
        "auroc": 100 * float(roc_auc_score(truth, scores)),
        "aupr": 100 * float(average_precision_score(truth, scores)),
        "fpr95": 100 * float(false[nearest]),
    }


def harmonic_mean(base: float, new: float) -> float:
    """H = 2bn / (b + n) of the accuracies on base and on new classes; 0 where both are 0. Xian et al. (CVPR
    2017), and MMA's tables."""
    return 2 * base * new / (base + new) if base + new else 0.0


def angle(first: Tensor, second: Tensor) -> Tensor:
    """(C,): degrees between the rows of two (C, D), NaN beside a row of zeros.

    With a class's text feature and its mean image feature, the cross-modal deviation that CLAP4CLIP
    (Jha et al., NeurIPS 2024) follows over the tasks.
    """
    a, b = first / first.norm(dim=-1, keepdim=True), second / second.norm(dim=-1, keepdim=True)
    # Kahan's formula: the arc cosine loses half of its digits at small angles.
    return torch.rad2deg(2 * torch.atan2((a - b).norm(dim=-1), (a + b).norm(dim=-1)))
