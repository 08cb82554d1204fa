"""Joint work of ranks: a pass over a split whose results all of them get, and decisions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn

from methods.method import Batch, Method

from ..data.loader import eval_batches
from ..streams.stream import Split
from .protocol import Evaluation


def batch_size_of(method: Method, how: Evaluation) -> int:
    """Returns how many pictures are scored together.

    Args:
        method: Its own number counts where its scores depend on the other pictures of a batch.
        how: Its batch size counts otherwise.
    """
    return how.batch_size if method.eval_batch_size is None else method.eval_batch_size


def own_batches(
    method: Method, split: Split, how: Evaluation, order: np.ndarray | None = None
) -> Iterator[Batch]:
    """Yields this rank's batches of a split, encoded and on ``how.device``. A rank may have none.

    Args:
        method: The method that is evaluated.
        split: The split that all ranks walk over together.
        how: How the method is evaluated.
        order: All rows of the split, in the order in which they are walked over; None: from the first on.
    """
    rank, ranks = (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)
    size, pin = batch_size_of(method, how), how.device.type == "cuda"
    for batch in eval_batches(split, batch_size=size, order=order, rank=rank, ranks=ranks, pin=pin):
        yield how.encode(batch.to(how.device, non_blocking=True))


def gather_rows(
    parts: Sequence[Tensor], places: Sequence[Tensor], total: int, device: torch.device
) -> Tensor:
    """Gathers the rows of all ranks in one table. Every rank calls it.

    Args:
        parts: This rank's rows, each part (b, width).
        places: The row numbers of each part in the table, each (b,).
        total: The number of rows of the table.
        device: The table's device.

    Returns:
        float32 (total, width), alike on all ranks.
    """
    width = largest(parts[0].shape[1] if parts else 0, device)
    whole = torch.zeros(total, width, device=device)
    if parts:
        whole[torch.cat(list(places)).to(device)] = torch.cat(list(parts)).float()
    return add_up(whole)


def largest(number: int, device: torch.device) -> int:
    """Returns the largest of the ranks' numbers: a rank without rows does not know how wide the rows are.

    Args:
        number: This rank's number.
        device: The device on which it travels.
    """
    if not _several():
        return number
    maximum = torch.tensor(number, device=device)
    dist.all_reduce(maximum, dist.ReduceOp.MAX)
    return int(maximum)


def add_up(tensor: Tensor) -> Tensor:
    """Replaces a tensor by the sum of all ranks' tensors, in place, and returns it."""
    if _several():
        dist.all_reduce(tensor)
    return tensor


def of_rank_0(array: np.ndarray, device: torch.device) -> np.ndarray:
    """Returns rank 0's array on every rank. The call is collective.

    What ranks decide from floating-point numbers, files or the clock may differ between them. On different
    processors it may differ even where the numbers were exchanged. So rank 0 decides.

    Args:
        array: Its type and its number of axes must be alike on all ranks; its shape may differ.
        device: The device on which it travels.
    """
    if not _several():
        return array
    mine = torch.from_numpy(np.ascontiguousarray(array)).to(device)
    shape = torch.tensor(array.shape, dtype=torch.int64, device=device)
    dist.broadcast(shape, 0)
    shared = mine if dist.get_rank() == 0 else mine.new_empty(shape.tolist())
    if shared.numel():
        dist.broadcast(shared, 0)
    return shared.cpu().numpy()


@torch.no_grad()
def share_state(module: nn.Module) -> None:
    """Gives every rank the parameters and persistent buffers of rank 0, as a checkpoint would. The call is
    collective.
    """
    if not _several():
        return
    for tensor in module.state_dict().values():
        if tensor.numel():
            whole = tensor.contiguous()  # nearly always the tensor itself
            dist.broadcast(whole, 0)
            if whole is not tensor:
                tensor.copy_(whole)


def _several() -> bool:
    return dist.is_initialized() and dist.get_world_size() > 1
