"""Policies that choose exemplars by the logits of the trial's own classifier."""

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
"""Logits (M, n, C) and labels (n,) -> (n,) numbers, by which rows are ranked; the lowest are kept first."""


def keep_by_logits(ranking: Ranking) -> Policy:
    """Makes a policy that keeps the first rows of each class under ``ranking``.

    Past classes are chosen anew with the present model, from the rows that are still kept of them.
    CLAP4CLIP's released ``exemplars_selection.py`` does the same. One batch's pictures are never mixed with
    another's.
    """

    def keep(tasks: Sequence[TaskRows], config: ReplayConfig, seed: int, ranker: Ranker) -> list[TaskRows]:
        rows, labels = joined(tasks)
        logits = torch.from_numpy(ranker.logits(rows))
        return keep_class_shares(tasks, config, ranking(logits, labels))

    return keep


def _herding(logits: Tensor, labels: np.ndarray) -> np.ndarray:
    """Ranks by herding on unit rows of the mean logits."""
    return herding_order(logits.mean(0).numpy(), labels)


def _entropy(logits: Tensor, labels: np.ndarray) -> np.ndarray:
    """Ranks the highest entropy of the mean logits' softmax first."""
    log = logits.mean(0).log_softmax(-1)
    return (log.exp() * log).sum(-1).numpy()


def _distance(logits: Tensor, labels: np.ndarray) -> np.ndarray:
    """Ranks the lowest mean logit of the own class first."""
    own = torch.from_numpy(labels.astype(np.int64))
    return logits.mean(0).gather(1, own[:, None])[:, 0].numpy()


def _energy(logits: Tensor, labels: np.ndarray) -> np.ndarray:
    """Ranks the lowest logsumexp of the logits, averaged over samples, first."""
    return logits.logsumexp(-1).mean(0).numpy()


def _variance(logits: Tensor, labels: np.ndarray) -> np.ndarray:
    """Ranks the lowest variance of the softmax first: unbiased, over samples, summed over classes."""
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
