"""Means over a batch whose samples may weigh differently."""

from __future__ import annotations

from torch import Tensor


def weighted_mean(values: Tensor, weight: Tensor | None) -> Tensor:
    """Returns sum(weight * values) / B.

    The divisor is the number of samples, not the sum of their weights: the mean over ranks, or over
    micro-batches, of equal size is then the value of the whole batch. Over an epoch the weights' mean is 1.

    Args:
        values: (B,), a loss of each sample.
        weight: (B,), as of ``Batch.weight``; None: the samples weigh alike.
    """
    return values.mean() if weight is None else (weight.to(values.dtype) * values).mean()
