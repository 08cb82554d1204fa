"""Exemplars by what the trial's own classifier says of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from ...errors import UserError
from .class_shares import joined, keep_class_shares
from .herding import herding_order
from .policy import Policy, Ranker, TaskRows

if TYPE_CHECKING:
    from ..config import ReplayConfig

Ranking = Callable[[Tensor, np.ndarray], np.ndarray]
"""Logits (M, n, C) and labels (n,) -> a key (n,); lower keys are kept first."""


def keep_by_logits(ranking: Ranking) -> Policy:
    """A policy that keeps the first of each class under ``ranking``.

    Past classes are chosen anew, from what is kept of them, with the present model; as CLAP4CLIP's released
    ``exemplars_selection.py``, one batch's pictures never mixed with another's.
    """

    def keep(tasks: Sequence[TaskRows], config: ReplayConfig, seed: int, ranker: Ranker) -> list[TaskRows]:
        rows, labels = joined(tasks)
        logits = torch.from_numpy(ranker.logits(rows))
        return keep_class_shares(tasks, config, ranking(logits, labels))

    return keep


def _herding(logits: Tensor, labels: np.ndarray) -> np.ndarray:
    """Herding on unit rows of the mean logits."""
    return herding_order(logits.mean(0).numpy(), labels)


def _entropy(logits: Tensor, labels: np.ndarray) -> np.ndarray:
    """Highest entropy of the mean logits' softmax first."""
    log = logits.mean(0).log_softmax(-1)
    return (log.exp() * log).sum(-1).numpy()


def _distance(logits: Tensor, labels: np.ndarray) -> np.ndarray:
    """Lowest mean logit of the own class first."""
    own = torch.from_numpy(labels.astype(np.int64))
    return logits.mean(0).gather(1, own[:, None])[:, 0].numpy()


def _energy(logits: Tensor, labels: np.ndarray) -> np.ndarray:
    """Lowest mean over samples of the logits' logsumexp first."""
    return logits.logsumexp(-1).mean(0).numpy()


def _variance(logits: Tensor, labels: np.ndarray) -> np.ndarray:
    """Lowest variance of the softmax over samples, unbiased, summed over classes, first."""
    if len(logits) < 2:
        raise UserError(
            "replay.policy=variance needs a method that draws several samples of its classifier, here it "
            "draws 1: allowed are the other policies"
        )
    return logits.softmax(-1).var(0).sum(-1).numpy()


LOGIT_RANKINGS: dict[str, Ranking] = {
    "logit-herding": _herding,
    "entropy": _entropy,
    "distance": _distance,
    "energy": _energy,
    "variance": _variance,
}
