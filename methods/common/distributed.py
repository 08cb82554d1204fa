"""What a method needs of torch.distributed. Without an initialised process group there is one rank, number 0.

The trainer averages gradients over ranks (DistributedDataParallel). A loss whose mean over ranks is the
global batch's loss therefore takes the step of the global batch. This needs keys that were gathered with
:func:`all_gather_with_grad`, which sends their gradient home.
"""

from __future__ import annotations

import torch
import torch.distributed as dist
from torch import Tensor


def rank() -> int:
    """Returns this process's number, from 0."""
    return dist.get_rank() if dist.is_initialized() else 0


def world_size() -> int:
    """Returns the number of processes."""
    return dist.get_world_size() if dist.is_initialized() else 1


@torch.no_grad()
def all_gather(tensor: Tensor) -> Tensor:
    """Gathers a tensor (B, ...) of every rank, in rank order, without gradient.

    B must be equal on all ranks.

    Returns:
        (ranks * B, ...).
    """
    if world_size() == 1:
        return tensor
    parts = [torch.empty_like(tensor, memory_format=torch.contiguous_format) for _ in range(world_size())]
    dist.all_gather(parts, tensor.contiguous())
    return torch.cat(parts)


def all_gather_with_grad(tensor: Tensor) -> Tensor:
    """Gathers as :func:`all_gather` does. Backward sums all ranks' gradients with respect to this rank's
    rows.
    """
    return tensor if world_size() == 1 else _AllGather.apply(tensor)


@torch.no_grad()
def all_reduce_sum(tensor: Tensor) -> Tensor:
    """Returns the sum over ranks as a new tensor, without gradient."""
    total = tensor.detach().clone()
    if world_size() > 1:
        dist.all_reduce(total)
    return total


class _AllGather(torch.autograd.Function):
    # torch.distributed.nn's all_gather is deprecated. Its successor needs a reduce-scatter, which gloo does
    # not have in every release.

    @staticmethod
    def forward(ctx, tensor: Tensor) -> Tensor:
        ctx.rows = slice(rank() * len(tensor), (rank() + 1) * len(tensor))
        return all_gather(tensor)

    @staticmethod
    def backward(ctx, grad: Tensor) -> Tensor:
        return all_reduce_sum(grad.contiguous())[ctx.rows]
