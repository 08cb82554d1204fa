"""The distance of logits from those that were stored."""

from __future__ import annotations

import torch
from torch import Tensor


def stored_error(logits: Tensor, stored: Tensor) -> Tensor:
    """Returns each sample's mean squared error from what is stored of it; 0 where nothing is stored.

    Args:
        logits: (B, ...).
        stored: (B, ...), NaN where nothing is stored, which is not compared.

    Returns:
        (B,).
    """
    known = ~stored.isnan()
    # Where nothing is stored, the difference is 0 and has no gradient.
    gap = (logits - torch.where(known, stored.to(logits.dtype), logits.detach())).square().flatten(1)
    return gap.sum(1) / known.flatten(1).sum(1).clamp(min=1)
