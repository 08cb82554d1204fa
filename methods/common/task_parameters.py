"""One tensor for each task: those of past tasks are stacked, and apart from the newest."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class TaskParameters(nn.Module):
    """The parameters ``past`` (tasks - 1, *shape) and ``new`` (1, *shape). Both are empty before the first
    task.

    With two parameters the past can be frozen while the newest is trained, and they need not be joined in
    each step. A ``state_dict`` of any number of tasks can be loaded.

    Args:
        *shape: The shape of a task's tensor.
    """

    def __init__(self, *shape: int) -> None:
        super().__init__()
        self.past = nn.Parameter(torch.empty(0, *shape))
        self.new = nn.Parameter(torch.empty(0, *shape))

    @torch.no_grad()
    def grow(self, value: Tensor) -> None:
        """Adds a task whose tensor is ``value`` (*shape)."""
        self.past = nn.Parameter(torch.cat([self.past, self.new]))
        self.new = nn.Parameter(value.to(self.past).unsqueeze(0))

    def _load_from_state_dict(self, state_dict: dict[str, Tensor], prefix: str, *args) -> None:
        for name in ("past", "new"):
            saved = state_dict.get(prefix + name)
            if saved is not None and len(saved) != len(getattr(self, name)):
                setattr(self, name, nn.Parameter(_of_length(getattr(self, name), saved.shape)))
        super()._load_from_state_dict(state_dict, prefix, *args)


def _of_length(like: Tensor, shape: Sequence[int]) -> Tensor:
    # Only the number of tasks may differ: any other difference is an error for torch to report.
    return like.detach().new_empty(shape[0], *like.shape[1:])
