"""Whose fault it is that a GPU has no memory left."""

from __future__ import annotations

from typing import Any

_SLACK = 2**30  # bytes that a process' CUDA context and its libraries hold beside what torch counts


def neighbour_took(error: BaseException, device: Any, share: float) -> bool:
    """Whether ``error`` is CUDA's out of memory, and other processes on ``device`` hold more than is left to
    them by a worker whose ``share`` of the GPU is in 0 .. 1: the same job may then fare better later.
    """
    import torch

    if not isinstance(error, torch.cuda.OutOfMemoryError) or device.type != "cuda":
        return False
    try:
        free, total = torch.cuda.mem_get_info(device)
        ours = torch.cuda.memory_reserved(device)
    except RuntimeError:  # the device no longer answers: not for want of memory
        return False
    return total - free - ours > (1 - min(share, 1.0)) * total + _SLACK
