"""TRIPLET's loss terms, without their weights."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ...common import distributed


def soft_targets(answer: Tensor, score: Tensor, column: Tensor, columns: int) -> Tensor:
    """Targets (B, columns) of a classifier: each row sums to 1, or is 0 where it knows none of the answers.

    ``answer``: int64 (B, K), -1 after the last; ``score``: (B, K), what each is worth. ``column``: int64
    (A,), the classifier's column of each answer, -1 where it has none.
    """
    # -1 reads the last answer's column here, and is left out below.
    found = column[answer]
    worth = score * ((answer >= 0) & (found >= 0))
    targets = score.new_zeros(len(answer), columns).scatter_add_(1, found.clamp(min=0), worth)
    return targets / targets.sum(1, keepdim=True).clamp(min=torch.finfo(targets.dtype).tiny)


def soft_cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy of targets (B, C), mean over the global batch's rows that have one."""
    known = targets.sum(1) > 0
    count = distributed.all_reduce_sum(known.sum()).clamp(min=1)
    losses = F.cross_entropy(logits, targets.to(logits.dtype), reduction="none")
    return losses.sum() * (distributed.world_size() / count.to(logits.dtype))


def modality_loss(predicted: Tensor, fusion: Tensor) -> Tensor:
    """L_mod of a group of prompts (n, L, D): - the cosine of a token with what is predicted of it, mean over
    tokens, sum over layers (Qian et al., Eq. 7).
    """
    return -F.cosine_similarity(predicted, fusion, dim=-1).mean(1).sum()


def task_loss(matrices: Tensor, previous: Tensor) -> Tensor:
    """L_task: the squared Frobenius norm of what interaction matrices (3, D, D) have changed by."""
    return (matrices - previous).square().sum()
