"""The diagonal of the Fisher information, and the penalty made of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

Weighting = Literal["empirical", "weighted"]


def squared_gradients(
    log_likelihood: Tensor, parameters: Sequence[Tensor], weighting: Weighting = "empirical"
) -> list[Tensor]:
    """Returns what a sample adds to the diagonal of the Fisher information, parameter by parameter.

    Args:
        log_likelihood: Scalar, log p(y | x) of the sample's label.
        parameters: What it is differentiated by. The gradient of a parameter that is not used is 0.
        weighting: ``empirical``: the squared gradient. ``weighted``: that times p(y | x).
    """
    gradients = torch.autograd.grad(log_likelihood, parameters, materialize_grads=True)
    factor = log_likelihood.detach().exp() if weighting == "weighted" else 1.0
    return [factor * gradient.square() for gradient in gradients]


def quadratic_penalty(
    parameters: Sequence[Tensor], anchors: Sequence[Tensor], fisher: Sequence[Tensor]
) -> Tensor:
    """Returns sum F (w - w*)^2, without a factor 1/2.

    Args:
        parameters: w.
        anchors: w*, as many.
        fisher: F, as many.
    """
    parts = [(f * (w - a).square()).sum() for w, a, f in zip(parameters, anchors, fisher, strict=True)]
    return torch.stack(parts).sum()
