"""Agreement among the ranks of a process group. Tensors and JSON travel between them, no pickles."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any, TypeVar

import torch
import torch.distributed as dist

from ..errors import UserError

_HEARTBEAT = 1.0  # seconds after which ranks tell one another that they are still at work

_T = TypeVar("_T")


class ElsewhereError(UserError):
    """The error of another rank. That rank decides what becomes of it."""


def from_first(value: Any, device: torch.device) -> Any:
    """Returns rank 0's value on every rank.

    Args:
        value: A value of JSON's kinds. The values of the other ranks are ignored.
        device: The device on which it travels.
    """
    if not dist.is_initialized() or dist.get_world_size() == 1:
        return value
    return _broadcast(value, 0, device)


def from_each(value: Any, device: torch.device) -> list[Any]:
    """Returns each rank's value, in the order of ranks, on every rank.

    Args:
        value: This rank's value, of JSON's kinds.
        device: The device on which it travels.
    """
    if not dist.is_initialized() or dist.get_world_size() == 1:
        return [value]
    return [_broadcast(value, source, device) for source in range(dist.get_world_size())]


def first_reason(reason: str | None, device: torch.device) -> str | None:
    """Returns, on every rank, the reason of the first rank that has one.

    Every rank calls it, so that no rank goes on into a collective that another rank never enters.

    Args:
        reason: This rank's reason, or None.
        device: The device on which it travels.

    Returns:
        The reason; None where no rank has one.
    """
    if not dist.is_initialized() or dist.get_world_size() == 1:
        return reason
    ranks, rank = dist.get_world_size(), dist.get_rank()
    first = torch.tensor(ranks if reason is None else rank, device=device)
    dist.all_reduce(first, dist.ReduceOp.MIN)
    if int(first) == ranks:
        return None
    return _broadcast(reason, int(first), device)


def all_or_none(work: Callable[[], _T], device: torch.device) -> _T:
    """Runs ``work`` on every rank and succeeds on all of them or on none.

    One rank may take much longer than a collective waits, for instance for an upload. The ranks meanwhile
    tell one another that they are still at work.

    Args:
        work: What each rank does. Every rank calls :func:`all_or_none`.
        device: The device on which the ranks' messages travel.

    Returns:
        What ``work`` returned on this rank.

    Raises:
        Exception: The rank's own error, where ``work`` raised one on this rank.
        ElsewhereError: ``work`` failed on other ranks only. It has the line of the first such rank.
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
