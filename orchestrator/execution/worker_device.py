"""The device that a worker computes on."""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from typing import Literal

import torch
import torch.distributed as dist

from ..errors import UserError
from ..evaluation.agreement import first_reason


def worker_device(asked: Literal["auto", "cpu", "cuda"], granted: Sequence[int | str]) -> torch.device:
    """The device that a worker computes on.

    It is the first GPU that Ray ``granted``, which becomes torch's current one, or the CPU. A worker never
    falls back to the CPU while it holds a GPU.

    Args:
        asked: ``cpu``, ``cuda``, or ``auto``, which is the CPU where no GPU was granted.
        granted: What ``ray.get_gpu_ids()`` gives.

    Raises:
        UserError: cuda was asked for and no GPU granted, or CUDA does not serve the GPU that was; the message
            has torch's words.
    """
    if asked == "cpu" or (asked == "auto" and not granted):
        return torch.device("cpu")
    host, visible = socket.gethostname(), os.environ.get("CUDA_VISIBLE_DEVICES", "")
    if not granted:
        raise UserError(
            f"run.device=cuda: Ray granted no GPU to a worker on {host}; allowed here are auto and cpu"
        )
    try:
        device = torch.device("cuda", visible.split(",").index(str(granted[0])))
        _touch(device)
    except Exception as error:  # each layer below torch has its own kinds
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
        raise UserError(
            f"GPU {granted[0]} of {host} does not answer: {reason} (torch {torch.__version__}, "
            f"CUDA_VISIBLE_DEVICES={visible}); mend its driver, or set run.device=cpu"
        ) from error
    torch.cuda.set_device(device)  # where collectives look for it
    return device


def agreed_device(asked: Literal["auto", "cpu", "cuda"], granted: Sequence[int | str]) -> torch.device:
    """The device of this rank, once all ranks of the process group have one.

    Where one rank has no device, every rank raises that rank's error, so that none waits for it.

    Args:
        asked: As for :func:`worker_device`.
        granted: As for :func:`worker_device`.

    Raises:
        UserError: As for :func:`worker_device`, on this rank or another.
    """
    device, why = torch.device("cpu"), None
    try:
        device = worker_device(asked, granted)
    except UserError as error:
        why = str(error)
    # The group uses NCCL only where every GPU answers.
    where = device if dist.get_backend() == "nccl" else torch.device("cpu")
    if reason := first_reason(why, where):
        raise UserError(reason)
    return device


def _touch(device: torch.device) -> None:
    torch.cuda.init()
    if (count := torch.cuda.device_count()) <= device.index:
        raise RuntimeError(f"torch sees {count} device(s)")
    # A driver may list a GPU that it cannot open.
    torch.zeros(1, device=device)
