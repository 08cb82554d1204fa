"""TRIPLET's loss terms, without their weights."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ...common import distributed


def soft_targets(answer: Tensor, score: Tensor, column: Tensor, columns: int) -> Tensor:
    """Returns the targets of a classifier. Each row sums to 1, or is 0 where the classifier knows none of the
    answers.

    Args:
        answer: int64 (B, K), -1 after the last answer.
        score: (B, K), what each answer is worth.
        column: int64 (A,), the classifier's column of each answer, -1 where it has none.
        columns: The number of columns.

    Returns:
        (B, columns).
    """
    # -1 reads the last answer's column here, and is masked out below.
    own = column[answer]
    worth = score * ((answer >= 0) & (own >= 0))
    targets = score.new_zeros(len(answer), columns).scatter_add_(1, own.clamp(min=0), worth)
    return targets / targets.sum(1, keepdim=True).clamp(min=torch.finfo(targets.dtype).tiny)


def soft_cross_entropy(logits: Tensor, targets: Tensor, weight: Tensor | None = None) -> Tensor:
    """Returns the cross-entropy, averaged over the global batch's rows that have a target.

    Args:
        logits: (B, C).
        targets: (B, C), of :func:`soft_targets`.
        weight: (B,), as of ``Batch.weight``; None: samples weigh alike.
    """
    known = targets.sum(1) > 0
    count = distributed.all_reduce_sum(known.sum()).clamp(min=1)
    losses = F.cross_entropy(logits, targets.to(logits.dtype), reduction="none")
    if weight is not None:
        losses = weight.to(losses.dtype) * losses
    return losses.sum() * (distributed.world_size() / count.to(logits.dtype))


def modality_loss(predicted: Tensor, fusion: Tensor) -> Tensor:
    """Returns L_mod of a group of prompts (Qian et al., Eq. 7).

    It is the negative cosine of a token with what is predicted of it, averaged over tokens and summed over
    layers.

    Args:
        predicted: (n, L, D).
        fusion: (n, L, D), the fusion's prompts.
    """
    return -F.cosine_similarity(predicted, fusion, dim=-1).mean(1).sum()


def task_loss(matrices: Tensor, previous: Tensor) -> Tensor:
    """Returns L_task: the squared Frobenius norm of the change of the interaction matrices.

    Args:
        matrices: (3, D, D).
        previous: (3, D, D), the matrices at the end of the previous task.
    """
    return (matrices - previous).square().sum()
