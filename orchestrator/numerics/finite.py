"""Numbers that must be finite: weights, and what a model says of a sample."""

from __future__ import annotations

from itertools import chain

import torch
import torch.distributed as dist
from torch import Tensor, nn

from .diverged import Diverged


def check_weights(module: nn.Module, where: str) -> None:
    """Raises :class:`Diverged` where a parameter or a floating-point buffer is not finite on some rank.

    The message names the first of them and ``where``. Collective: every rank calls it, all raise or none.
    The device is waited for once.
    """
    named = chain(module.named_parameters(), module.named_buffers())
    weights = {name: weight.detach() for name, weight in named if weight.is_floating_point()}
    if not weights:
        return
    device = next(iter(weights.values())).device
    broken = torch.stack([(~weight.isfinite()).any().to(device) for weight in weights.values()]).int()
    if dist.is_initialized() and dist.get_world_size() > 1:
        dist.all_reduce(broken)
    for name, bad in zip(weights, broken.tolist(), strict=True):
        if bad:
            raise Diverged(f"weight {name} is not finite after {where}")


def check_rows(table: Tensor, what: str, where: str) -> None:
    """Raises :class:`Diverged` where a row of ``table`` (N, ...) is not finite; it is alike on all ranks.

    The message names the first such row, ``what`` the numbers are and ``where`` the samples are from. The
    device is waited for once.
    """
    if not len(table) or bool(table.isfinite().all()):
        return
    row = int((~table.isfinite()).reshape(len(table), -1).any(1).nonzero()[0, 0])
    raise Diverged(f"{what} of sample {row} is not finite: {where}")
