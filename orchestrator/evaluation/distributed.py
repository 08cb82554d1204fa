"""What ranks do together: one pass over a split, of which all have every result, and decisions."""

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
    """Pictures that are scored together: the method's own number where its scores depend on it."""
    return how.batch_size if method.eval_batch_size is None else method.eval_batch_size


def own_batches(method: Method, split: Split, how: Evaluation) -> Iterator[Batch]:
    """This rank's batches of a split, encoded, on ``how.device``; perhaps none."""
    rank, world = (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)
    size, pin = batch_size_of(method, how), how.device.type == "cuda"
    for batch in eval_batches(split, batch_size=size, rank=rank, world=world, pin=pin):
        yield how.encode(batch.to(how.device, non_blocking=True))


def gather_rows(
    parts: Sequence[Tensor], places: Sequence[Tensor], total: int, device: torch.device
) -> Tensor:
    """float32 (total, width), alike on all ranks: the rows of every rank, its ``parts``, each (b, width), at
    ``places``, each (b,).
    """
    width = largest(parts[0].shape[1] if parts else 0, device)
    whole = torch.zeros(total, width, device=device)
    if parts:
        whole[torch.cat(list(places)).to(device)] = torch.cat(list(parts)).float()
    return add_up(whole)


def largest(number: int, device: torch.device) -> int:
    """The largest of the ranks' numbers: a rank without rows does not know how wide they are."""
    if not _several():
        return number
    found = torch.tensor(number, device=device)
    dist.all_reduce(found, dist.ReduceOp.MAX)
    return int(found)


def add_up(tensor: Tensor) -> Tensor:
    """The sum of all ranks' tensors, in place."""
    if _several():
        dist.all_reduce(tensor)
    return tensor


def of_rank_0(array: np.ndarray, device: torch.device) -> np.ndarray:
    """Rank 0's ``array``, on every rank; its type and its number of axes are alike on all, its shape need not
    be.

    What ranks decide from floating-point numbers, files or the clock may differ, on different processors
    even where the numbers were exchanged: rank 0 decides. Collective.
    """
    if not _several():
        return array
    mine = torch.from_numpy(np.ascontiguousarray(array)).to(device)
    shape = torch.tensor(array.shape, dtype=torch.int64, device=device)
    dist.broadcast(shape, 0)
    found = mine if dist.get_rank() == 0 else mine.new_empty(shape.tolist())
    if found.numel():
        dist.broadcast(found, 0)
    return found.cpu().numpy()


@torch.no_grad()
def share_state(module: nn.Module) -> None:
    """Gives every rank rank 0's parameters and persistent buffers, as a checkpoint would. Collective."""
    if not _several():
        return
    for tensor in module.state_dict().values():
        if tensor.numel():
            whole = tensor.contiguous()  # itself, nearly always
            dist.broadcast(whole, 0)
            if whole is not tensor:
                tensor.copy_(whole)


def _several() -> bool:
    return dist.is_initialized() and dist.get_world_size() > 1
