"""Says which class queries may attend to each other."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def task_mask(sizes: Sequence[int], tokens: bool) -> Tensor:
    """Makes a self-attention mask that is block-diagonal by task (CLAP4CLIP, Sec. 3.3).

    Args:
        sizes: The number of classes of each task, in order.
        tokens: Whether a token for each task follows the classes. A token and its task's classes attend to
            each other, and the token to itself.

    Returns:
        bool (C, C), or (C + T, C + T) with tokens; True is blocked.
    """
    tasks = torch.arange(len(sizes))
    owner = tasks.repeat_interleave(torch.tensor(sizes, dtype=torch.long))
    if tokens:
        owner = torch.cat([owner, tasks])
    return owner[:, None] != owner
