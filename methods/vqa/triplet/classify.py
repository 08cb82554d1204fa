"""A linear classifier in full precision."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from ...common.precision import full_precision


def classify(feature: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Returns logits in the precision of ``weight``, whatever autocast says.

    Among many answers the two likeliest are often equal in bf16.

    Args:
        feature: (B, D).
        weight: (N, D).
        bias: (N,).

    Returns:
        (B, N).
    """
    with full_precision(feature):
        return F.linear(feature.to(weight.dtype), weight, bias)
