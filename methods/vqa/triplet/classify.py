"""A linear classifier in full precision."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from ...common.precision import full_precision


def classify(feature: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Logits (B, N), in the precision of ``weight`` (N, D), of ``feature`` (B, D), whatever autocast says:
    among many answers the two likeliest are often one in bf16.
    """
    with full_precision(feature):
        return F.linear(feature.to(weight.dtype), weight, bias)
