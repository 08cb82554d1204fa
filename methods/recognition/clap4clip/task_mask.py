"""Which class queries may look at each other."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def task_mask(sizes: Sequence[int], tokens: bool) -> Tensor:
    """Block-diagonal self-attention mask by task, bool, True = blocked (CLAP4CLIP, Sec. 3.3).

    ``sizes``: classes of each task, in order. Shape (C, C); with ``tokens`` (C + T, C + T), one token a task
    after the classes, which sees itself and its task's classes, as they see it.
    """
    tasks = torch.arange(len(sizes))
    owner = tasks.repeat_interleave(torch.tensor(sizes, dtype=torch.long))
    if tokens:
        owner = torch.cat([owner, tasks])
    return owner[:, None] != owner
