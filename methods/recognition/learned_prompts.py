"""Learned prompts: CoOp's context (Zhou et al., IJCV 2022)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ..common.task_parameters import TaskParameters

_DEVIATION = 0.02


class LearnedPrompts(nn.Module):
    """Text features of ``[context] class name``, with a learned context that all classes share.

    Args:
        clip: A frozen CLIP (``context_width``, ``encode_prompts``). It is no part of this module, and is
            moved to the context's device when it is used.
        names: The class names.
        length: The number of context tokens, which are drawn from N(0, 0.02^2).
        per_task: Whether each task has a context; the mean of the contexts is then used.

    Raises:
        ValueError: So many tokens leave no room for a name.
    """

    def __init__(self, clip: nn.Module, names: Sequence[str], length: int, per_task: bool) -> None:
        super().__init__()
        self.context = TaskParameters(length, clip.context_width)
        self._clip = (clip,)  # a module in a tuple is not registered
        self._names = [name.replace("_", " ") for name in names]
        self._per_task = per_task
        self._check(length)
        self._kept: tuple[tuple, tuple, Tensor] | None = None

    def start_task(self) -> None:
        """Adds a task's context, or the only context."""
        if self._per_task or not len(self.context.new):
            self.context.grow(torch.empty(self.context.new.shape[1:]).normal_(0, _DEVIATION))

    def forward(self, classes: int) -> Tensor:
        """Returns the unit rows (classes, D) of the first ``classes`` names.

        Where no gradient is wanted, the rows are kept until the context changes.
        """
        past, new = self.context.past, self.context.new
        trained = new.requires_grad and torch.is_grad_enabled()
        state = (past._version, new._version, new.device, new.dtype, classes)
        if not trained and self._kept is not None:
            (old_past, old_new), old_state, features = self._kept
            if old_past is past and old_new is new and old_state == state:
                return features
        (clip,) = self._clip
        if next(clip.parameters()).device != new.device:
            clip.to(new.device)
        context = torch.cat([past, new]).mean(0)
        features = clip.encode_prompts(context, self._names[:classes]).to(new.dtype)
        self._kept = None if trained else ((past, new), state, features.detach())
        return features

    @torch.no_grad()
    def _check(self, length: int) -> None:
        (clip,) = self._clip
        context = torch.zeros(length, clip.context_width, device=next(clip.parameters()).device)
        try:
            clip.encode_prompts(context, self._names[:1])
        except ValueError as error:
            raise ValueError(f"context_length {length}: {error}") from None
