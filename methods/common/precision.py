"""Keeps parts of a method in full precision under ``run.precision=bf16``."""

from __future__ import annotations

import torch
from torch import Tensor


def full_precision(like: Tensor) -> torch.autocast:
    """Switches autocast off on the device of ``like``.

    It is meant for similarities that are multiplied by a large scale or divided by a small temperature, and
    for those whose order decides: near 1 the numbers of bf16 lie 0.004 apart. Autocast makes products of
    matrices coarse. Their inputs must be in full precision, too (:func:`at_least_float32`).
    """
    return torch.autocast(like.device.type, enabled=False)


def at_least_float32(x: Tensor) -> Tensor:
    """Returns ``x`` in float32, or in float64 where it is in float64."""
    return x if x.dtype == torch.float64 else x.float()
