"""What all ranks of a process group know alike. Tensors and JSON travel, no pickles."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any, TypeVar

import torch
import torch.distributed as dist

from ..errors import UserError

_HEARTBEAT = 1.0  # seconds after which ranks tell one another that they are still at it

_T = TypeVar("_T")


class ElsewhereError(UserError):
    """What another rank raised: what becomes of it is for that rank to say."""


def from_first(value: Any, device: torch.device) -> Any:
    """Rank 0's ``value`` (of JSON's kinds) on every rank; the other ranks' is not looked at."""
    if not dist.is_initialized() or dist.get_world_size() == 1:
        return value
    return _broadcast(value, 0, device)


def from_each(value: Any, device: torch.device) -> list[Any]:
    """Each rank's ``value`` (of JSON's kinds), in the order of ranks, on every rank."""
    if not dist.is_initialized() or dist.get_world_size() == 1:
        return [value]
    return [_broadcast(value, source, device) for source in range(dist.get_world_size())]


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


def all_or_none(work: Callable[[], _T], device: torch.device) -> _T:
    """What ``work`` answers on each rank, which all of them call, however long one of them takes: it may be
    much longer than a collective waits (an upload).

    What it raises on one rank, all raise: its own error there, the line of the first as an
    :class:`ElsewhereError` elsewhere.
    """
    if not dist.is_initialized() or dist.get_world_size() == 1:
        return work()
    with ThreadPoolExecutor(1) as aside:
        future = aside.submit(work)
        while True:
            wait([future], timeout=_HEARTBEAT)
            done = torch.tensor(int(future.done()), device=device)
            dist.all_reduce(done, dist.ReduceOp.MIN)
            if int(done):
                break
    error = future.exception()
    line = None if error is None else (str(error).strip().splitlines() or [type(error).__name__])[0]
    if (reason := first_reason(line, device)) is not None and error is None:
        raise ElsewhereError(reason)
    return future.result()


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
