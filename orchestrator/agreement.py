"""What all ranks of a process group know alike. Tensors and JSON travel, no pickles."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.distributed as dist

from .errors import UserError


def from_first(value: Any, device: torch.device) -> Any:
    """Rank 0's ``value`` (of JSON's kinds) on every rank; the other ranks' is not looked at."""
    if not dist.is_initialized() or dist.get_world_size() == 1:
        return value
    return _broadcast(value, 0, device)


def first_reason(reason: str | None, device: torch.device) -> str | None:
    """On every rank the reason of the first rank that has one; None where none has.

    Every rank calls it, so that none goes on into a collective that another one never enters.
    """
    if not dist.is_initialized() or dist.get_world_size() == 1:
        return reason
    world, rank = dist.get_world_size(), dist.get_rank()
    first = torch.tensor(world if reason is None else rank, device=device)
    dist.all_reduce(first, dist.ReduceOp.MIN)
    if int(first) == world:
        return None
    return _broadcast(reason, int(first), device)


@contextmanager
def all_or_none(device: torch.device) -> Iterator[None]:
    """What one rank raises within it, all raise: its own error there, the line of the first as a
    :class:`~orchestrator.errors.UserError` elsewhere. Every rank enters it.
    """
    caught: Exception | None = None
    try:
        yield
    except Exception as error:  # noqa: BLE001 - raised again below, once all ranks know
        caught = error
    lines = str(caught).strip().splitlines() or [""]
    reason = first_reason(None if caught is None else lines[0] or type(caught).__name__, device)
    if caught is not None:
        raise caught
    if reason is not None:
        raise UserError(reason)


def _broadcast(value: Any, source: int, device: torch.device) -> Any:
    mine = dist.get_rank() == source
    data = json.dumps(value).encode() if mine else b""
    length = torch.tensor(len(data), device=device)
    dist.broadcast(length, source)
    box = torch.zeros(int(length), dtype=torch.uint8, device=device)
    if mine:
        box.copy_(torch.frombuffer(bytearray(data), dtype=torch.uint8))
    dist.broadcast(box, source)
    return json.loads(bytes(box.cpu().tolist()))
