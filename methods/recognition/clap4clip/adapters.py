"""Probabilistic adapters: a pair of linear maps for each task."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...common.task_parameters import TaskParameters


class ProbabilisticAdapters(nn.Module):
    """For each task, a map D -> D for the mean and one for the deviation of its classes' distributions
    (CLAP4CLIP, Eq. 4).

    mean = W u + b; deviation = 0.999 softplus(W' u + b') + 0.001 (the released code's floor). The maps of all
    past tasks are computed in one batched product, for any numbers of classes.

    Args:
        width: D.
        norm: Whether a layer norm precedes each map, as in the released code with learned prompts.
    """

    def __init__(self, width: int, norm: bool) -> None:
        super().__init__()
        self.weight = TaskParameters(2, width, width)
        self.bias = TaskParameters(2, width)
        self.gain = TaskParameters(2, width) if norm else None
        self.shift = TaskParameters(2, width) if norm else None
        self._width = width
        self._past = 0
        self.register_buffer("_slot", torch.empty(0, 0, dtype=torch.long), persistent=False)
        self.register_buffer("_place", torch.empty(0, dtype=torch.long), persistent=False)

    def grow(self, weight: Tensor | None) -> None:
        """Adds a pair of maps. The biases are always those of a linear layer.

        Args:
            weight: (2, D, D), the weights of the mean's map and then of the deviation's; None: a linear
                layer's usual random weights.
        """
        for parameters, value in zip(self._parameters_in_order(), self._fresh(weight), strict=True):
            parameters.grow(value)

    @torch.no_grad()
    def reset(self, weight: Tensor | None) -> None:
        """Gives the newest pair new initial values.

        Args:
            weight: As of :meth:`grow`.
        """
        for parameters, value in zip(self._parameters_in_order(), self._fresh(weight), strict=True):
            parameters.new.copy_(value)

    def train_only(self, *, past: bool, new: bool) -> list[nn.Parameter]:
        """Sets which pairs are trained.

        Args:
            past: Whether the pairs of past tasks are.
            new: Whether the newest pair is.

        Returns:
            The parameters of the pairs that are trained.
        """
        trained = []
        for parameters in self._parameters_in_order():
            parameters.past.requires_grad_(past)
            parameters.new.requires_grad_(new)
            trained += [p for p in (parameters.past, parameters.new) if p.requires_grad]
        return trained

    def arrange(self, sizes: Sequence[int]) -> None:
        """Tells the adapters how many classes each pair has."""
        device = self._place.device
        old = torch.tensor(sizes[:-1], dtype=torch.long)
        self._past = int(old.sum())
        longest = int(old.max()) if len(old) else 0
        within = torch.arange(longest)
        real = within < old[:, None]
        # Tasks with fewer classes than the largest are filled up with class 0, whose result is not used.
        self._slot = ((old.cumsum(0) - old)[:, None] + within).where(real, torch.tensor(0)).to(device)
        self._place = real.flatten().nonzero().squeeze(1).to(device)

    def forward(self, text: Tensor) -> tuple[Tensor, Tensor]:
        """Returns mean and deviation, (L, C, D) each.

        Args:
            text: (L, C, D), L versions of the features of all classes.
        """
        versions, classes, width = text.shape
        fresh = text[:, self._past :].reshape(1, -1, width)
        parts = [self._map("new", fresh).view(2, versions, classes - self._past, width)]
        if self._past:
            tasks, longest = self._slot.shape
            padded = text[:, self._slot].transpose(0, 1).reshape(tasks, -1, width)
            mapped = self._map("past", padded).view(tasks, 2, versions, longest, width)
            flat = mapped.permute(1, 2, 0, 3, 4).reshape(2, versions, -1, width)
            parts.insert(0, flat[:, :, self._place])
        mean, raw = torch.cat(parts, dim=2)
        return mean, 0.999 * F.softplus(raw) + 0.001

    def _map(self, age: str, x: Tensor) -> Tensor:
        """Sends rows (T, N, D) through both maps of their task: (T, 2, N, D)."""
        x = x.unsqueeze(1)
        if self.gain is not None:
            gain, shift = (getattr(p, age).unsqueeze(2) for p in (self.gain, self.shift))
            x = F.layer_norm(x, x.shape[-1:]) * gain + shift
        # The weights come first, so that their gradient has their layout and need not be copied.
        return (getattr(self.weight, age) @ x.mT).mT + getattr(self.bias, age).unsqueeze(2)

    def _parameters_in_order(self) -> list[TaskParameters]:
        return [p for p in (self.weight, self.bias, self.gain, self.shift) if p is not None]

    def _fresh(self, weight: Tensor | None) -> list[Tensor]:
        bound = 1 / math.sqrt(self._width)  # nn.Linear's bound, of weights and biases alike
        shape = (2, self._width)
        if weight is None:
            weight = torch.empty(*shape, self._width).uniform_(-bound, bound)
        bias = torch.empty(shape).uniform_(-bound, bound)
        return [weight, bias] if self.gain is None else [weight, bias, torch.ones(shape), torch.zeros(shape)]
