"""Checks of numbers that must be finite: weights, and what a model says of a sample."""

from __future__ import annotations

from itertools import chain

import torch
import torch.distributed as dist
from torch import Tensor, nn

from .diverged import Diverged


def check_weights(module: nn.Module, where: str) -> None:
    """Checks that the parameters and the floating-point buffers of a module are finite.

    The check is collective: every rank calls it, and all of them raise or none does. The device is waited for
    once.

    Args:
        module: The module to check, on every rank.
        where: The point of the training, for the message.

    Raises:
        Diverged: A weight is not finite on some rank. The message names the first such weight and ``where``.
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
    """Checks that the rows of a table are finite. The device is waited for once.

    Args:
        table: (N, ...), alike on all ranks.
        what: What the numbers are, for the message.
        where: Where the samples are from, for the message.

    Raises:
        Diverged: A row is not finite. The message names the first such row, ``what`` and ``where``.
    """
    if not len(table) or bool(table.isfinite().all()):
        return
    row = int((~table.isfinite()).reshape(len(table), -1).any(1).nonzero()[0, 0])
    raise Diverged(f"{what} of sample {row} is not finite: {where}")
