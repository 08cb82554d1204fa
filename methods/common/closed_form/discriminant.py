"""Streaming linear discriminant analysis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from ..checks import check_range
from .sums import ClosedFormSums


@dataclass(frozen=True)
class DiscriminantConfig:
    """Hyper-parameters of streaming linear discriminant analysis."""

    shrinkage: float = 1e-4
    """The identity's part s in the covariance (1 - s) S + s I, which is then inverted. Range: 0 to 1. Paper:
    0.0001. Released code: 0.0001."""

    def __post_init__(self) -> None:
        check_range("shrinkage", self.shrinkage, 0, 1)


class Discriminant(ClosedFormSums):
    """Streaming linear discriminant analysis (Hayes and Kanan, CVPR workshops 2020).

    The logit of class c is x L m_c - m_c L m_c / 2, with the class mean m_c and L = pinv((1 - s) S + s I). S
    is the covariance within classes that all classes share, pooled over all samples:
    (sum of x x' - sum over classes of n_c m_c m_c') / n.

    The paper updates S sample by sample, around class means that change meanwhile, so that its S depends on
    the order of samples. Here S is the exact one.
    """

    _summed: ClassVar[tuple[str, ...]] = ("counts", "sums", "products")
    _by_class: ClassVar[tuple[str, ...]] = ("counts", "sums", "weight", "bias")

    products: Tensor
    weight: Tensor
    bias: Tensor

    def _make_sums(self, width: int) -> None:
        super()._make_sums(width)
        self.register_buffer("products", torch.zeros(width, width, dtype=torch.float64))
        self.register_buffer("weight", torch.zeros(0, width, dtype=torch.float64))
        self.register_buffer("bias", torch.zeros(0, dtype=torch.float64))

    def _terms(self, feature: Tensor, target: Tensor) -> dict[str, Tensor]:
        of_some = target.sum(1, keepdim=True) * feature
        return {**super()._terms(feature, target), "products": of_some.T @ feature}

    def _solve(self) -> None:
        means = self._means()
        within = (self.products - self.sums.T @ means) / self.counts.sum()
        self.weight, self.bias = discriminants(means, within, self.config.shrinkage)

    def _logits(self, feature: Tensor, classes: slice) -> Tensor:
        return feature @ self.weight[classes].T + self.bias[classes]


def discriminants(means: Tensor, covariance: Tensor, shrinkage: float) -> tuple[Tensor, Tensor]:
    """Returns the linear discriminant functions of classes that share a covariance.

    Args:
        means: (C, D), the class means.
        covariance: (D, D), the covariance within classes.
        shrinkage: s, the identity's part, 0 to 1.

    Returns:
        Weights (C, D) and biases (C,).
    """
    identity = torch.eye(len(covariance), dtype=covariance.dtype, device=covariance.device)
    precision = torch.linalg.pinv((1 - shrinkage) * covariance + shrinkage * identity, hermitian=True)
    weight = means @ precision
    return weight, -(means * weight).sum(1) / 2
