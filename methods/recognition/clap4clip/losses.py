"""The terms that CLAP4CLIP adds to the cross-entropy."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def gaussian_divergence(mean: Tensor, deviation: Tensor, prior: tuple[Tensor, Tensor] | None) -> Tensor:
    """Computes KL(N(mean, deviation) || prior) of each class, summed over the width.

    Args:
        mean: (..., C, D).
        deviation: (..., C, D).
        prior: The prior's mean and deviation, broadcastable; None for N(0, 1).

    Returns:
        (..., C).
    """
    if prior is None:
        return 0.5 * (mean**2 + deviation**2 - 1 - 2 * deviation.log()).sum(-1)
    prior_mean, prior_deviation = prior
    ratio = deviation / prior_deviation
    distance = (mean - prior_mean) / prior_deviation
    return 0.5 * (distance**2 + ratio**2 - 1 - 2 * ratio.log()).sum(-1)


def language_regularisation(text: Tensor, drawn: Tensor, blocked: Tensor | None = None) -> Tensor:
    """Computes the cross-entropy of recognising each class's drawn feature by its text (CLAP4CLIP, Eq. 12).

    The similarity is bilinear, so that the means over templates and samples can be taken before it.

    Args:
        text: (C, D), means over the templates.
        drawn: (C, D), means over the samples.
        blocked: bool (C, C), the pairs that do not compete; None: all pairs do.

    Returns:
        (C,).
    """
    similarity = text @ drawn.mT
    if blocked is not None:
        similarity = similarity.masked_fill(blocked, -torch.inf)
    return F.cross_entropy(similarity, torch.arange(len(text), device=text.device), reduction="none")
