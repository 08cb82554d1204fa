"""Streaming linear discriminant analysis."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import torch
from torch import Tensor

from ...backbones.clip_config import ClipConfig
from ...common.checks import check_range
from ...method import ClassSpec
from .base import ClosedForm


@dataclass(frozen=True)
class SLDAConfig:
    """Hyper-parameters of streaming linear discriminant analysis."""

    backbone: ClipConfig = field(default_factory=ClipConfig)
    """The CLIP whose features are classified."""

    shrinkage: float = 1e-4
    """The identity's part s in the covariance (1 - s) S + s I, which is then inverted. Range: 0 to 1. Paper:
    0.0001. Released code: 0.0001."""

    def __post_init__(self) -> None:
        check_range("shrinkage", self.shrinkage, 0, 1)


class SLDA(ClosedForm):
    """Streaming linear discriminant analysis (Hayes and Kanan, CVPR workshops 2020).

    The logit of class c is x L m_c - m_c L m_c / 2, with the class mean m_c and L = pinv((1 - s) S + s I). S
    is the covariance within classes that all classes share, pooled over all samples:
    (sum of x x' - sum over classes of n_c m_c m_c') / n.

    The paper updates S sample by sample, around class means that are under way: its S depends on the order
    of samples. Here S is the exact one.
    """

    Config = SLDAConfig
    _summed: ClassVar[tuple[str, ...]] = ("counts", "sums", "products")
    _by_class: ClassVar[tuple[str, ...]] = ("counts", "sums", "weight", "bias")

    def __init__(self, config: SLDAConfig, spec: ClassSpec) -> None:
        super().__init__(config, spec)
        self.products: Tensor
        self.weight: Tensor
        self.bias: Tensor
        self.register_buffer("products", torch.zeros(spec.width, spec.width, dtype=torch.float64))
        self.register_buffer("weight", torch.zeros(0, spec.width, dtype=torch.float64))
        self.register_buffer("bias", torch.zeros(0, dtype=torch.float64))

    def _terms(self, feature: Tensor, one_hot: Tensor) -> dict[str, Tensor]:
        return {**super()._terms(feature, one_hot), "products": feature.T @ feature}

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
