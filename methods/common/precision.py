"""Parts of a method that stay in full precision under ``run.precision=bf16``."""

from __future__ import annotations

import torch
from torch import Tensor


def full_precision(like: Tensor) -> torch.autocast:
    """Switches autocast off on the device of ``like``.

    For similarities that are multiplied by a large scale or divided by a small temperature, and for those
    whose order decides: near 1 the numbers of bf16 lie 0.004 apart. A product of matrices is what autocast
    makes coarse; its inputs must be in full precision, too (:func:`at_least_float32`).
    """
    return torch.autocast(like.device.type, enabled=False)


def at_least_float32(x: Tensor) -> Tensor:
    """``x`` in float32; in float64 where it is."""
    return x if x.dtype == torch.float64 else x.float()
