"""The cause of a GPU that has no memory left."""

from __future__ import annotations

from typing import Any

_SLACK = 2**30  # bytes that the CUDA context of a process and its libraries hold beside what torch counts


def neighbour_took(error: BaseException, device: Any, share: float) -> bool:
    """Whether other processes took the memory that a job needed on a GPU. The same job may then succeed
    later.

    Args:
        error: What the job raised. Only CUDA's out of memory counts.
        device: The job's device. The other processes on it must hold more than the worker leaves them.
        share: The worker's share of the GPU, in 0 .. 1.
    """
    import torch

    if not isinstance(error, torch.cuda.OutOfMemoryError) or device.type != "cuda":
        return False
    try:
        free, total = torch.cuda.mem_get_info(device)
        ours = torch.cuda.memory_reserved(device)
    except RuntimeError:  # the device no longer answers, which is not for want of memory
        return False
    return total - free - ours > (1 - min(share, 1.0)) * total + _SLACK
