"""What CLAP4CLIP's adapters say of the classes, and what is drawn from it."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from .adapters import ProbabilisticAdapters


class Noise(NamedTuple):
    """Standard normal draws: ``task`` (M, L, C, D) and ``shared`` (L, C, D). Without the global adapter L is
    1 and ``shared`` is None.
    """

    task: Tensor
    shared: Tensor | None


class Posterior(NamedTuple):
    """Distributions of all learnt classes given one batch.

    Attributes:
        plain: (C, D), the text features u before the global adapter.
        guided: (L, C, D), u with what was drawn from the global adapter.
        mean: (L, C, D), the task adapters' means.
        deviation: (L, C, D), the task adapters' standard deviations.
        shared: The global adapter's mean and deviation, (C, D) each; None where there is none.
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
        """The adapters' distributions for the text features u of the learnt classes.

        Args:
            plain: (C, D), u.
            adapters: The task adapters.
            global_adapter: The adapter before them; None: there is none, and L is 1.
            noise: The draws. ``noise.shared`` is added to u where there is a global adapter.
        """
        guided, shared = plain.unsqueeze(0), None
        if global_adapter is not None:
            mean, deviation = global_adapter(guided)
            shared = mean.squeeze(0), deviation.squeeze(0)
            guided = guided + torch.addcmul(mean, deviation, noise.shared)
        return cls(plain, guided, *adapters(guided), shared)

    def weights(self, noise: Noise) -> Tensor:
        """z + u of every sample, (M * L, C, D)."""
        return torch.addcmul(self.mean + self.guided, self.deviation, noise.task).flatten(0, 1)
