"""What CLAP4CLIP's adapters say of the classes, and what is drawn from it."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from .adapters import ProbabilisticAdapters


class Noise(NamedTuple):
    """Standard normal ``task`` (M, L, C, D) and ``shared`` (L, C, D); L = 1 without the global adapter, and
    ``shared`` is None then.
    """

    task: Tensor
    shared: Tensor | None


class Posterior(NamedTuple):
    """Distributions of all learnt classes given one batch. ``guided``: u (L, C, D), with what was drawn from
    the global adapter; ``mean``, ``deviation``: (L, C, D), the task adapters'. ``shared``: mean and
    deviation (C, D) of the global adapter; ``plain``: u without it (C, D).
    """

    plain: Tensor
    guided: Tensor
    mean: Tensor
    deviation: Tensor
    shared: tuple[Tensor, Tensor] | None

    @classmethod
    def of(
        cls,
        plain: Tensor,
        adapters: ProbabilisticAdapters,
        global_adapter: ProbabilisticAdapters | None,
        noise: Noise,
    ) -> Posterior:
        """What the adapters give for ``plain``, u of the learnt classes (C, D)."""
        guided, shared = plain.unsqueeze(0), None
        if global_adapter is not None:
            mean, deviation = global_adapter(guided)
            shared = mean.squeeze(0), deviation.squeeze(0)
            guided = guided + torch.addcmul(mean, deviation, noise.shared)
        return cls(plain, guided, *adapters(guided), shared)

    def weights(self, noise: Noise) -> Tensor:
        """z + u of every sample, (M * L, C, D)."""
        return torch.addcmul(self.mean + self.guided, self.deviation, noise.task).flatten(0, 1)
