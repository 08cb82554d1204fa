"""One pass over a split by all ranks: each takes whole batches, all have every result."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
import torch.distributed as dist
from torch import Tensor

from methods.method import Batch, Method

from .loader import eval_batches
from .scoring import Evaluation
from .streams.stream import Split


def batch_size_of(method: Method, how: Evaluation) -> int:
    """Pictures that are scored together: the method's own number where its scores depend on it."""
    return how.batch_size if method.eval_batch_size is None else method.eval_batch_size


def own_batches(method: Method, split: Split, how: Evaluation) -> Iterator[Batch]:
    """This rank's batches of a split, encoded, on ``how.device``; perhaps none."""
    rank, world = (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)
    for batch in eval_batches(split, batch_size=batch_size_of(method, how), rank=rank, world=world):
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


def _several() -> bool:
    return dist.is_initialized() and dist.get_world_size() > 1
