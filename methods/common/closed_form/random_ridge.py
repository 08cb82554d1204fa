"""Ridge regression on random features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from ..checks import check_range
from .sums import ClosedFormSums


@dataclass(frozen=True)
class RandomRidgeConfig:
    """Hyper-parameters of ridge regression on random features."""

    projection_width: int = 10000
    """M, the number of random features. Time and memory grow with its square, and one solution a task with
    its cube. Range: at least 1. Paper: 10000. Released code: 10000."""

    ridge: float = 1.0
    """What is added to the diagonal of the random features' M x M products. Range: above 0. Paper: chosen at
    each task among 17 powers of ten, 1e-8 to 1e8, on a fifth of its pictures that is held out.
    Released code: chosen likewise, on the last fifth in stored order."""

    def __post_init__(self) -> None:
        check_range("projection_width", self.projection_width, 1)
        check_range("ridge", self.ridge, 0, open_low=True)


class RandomRidge(ClosedFormSums):
    """RanPAC without its first-session adaptation (McDonnell et al., NeurIPS 2023, Algorithm 1, phase 2).

    Random features are h = ReLU(x W), with W (D, M) drawn once from N(0, 1). The class weights are
    (G + ridge I)^-1 Q, with G the sum of h h' and Q the sum of h y', y the sample's share of each class. What
    they give for a sample is near 1 for its class, as a cosine is, and is multiplied by ``_scale``.

    The ridge is a hyper-parameter for a search to choose on validation samples, and not a part of the
    training. Therefore the result does not depend on the order of tasks.
    """

    _summed: ClassVar[tuple[str, ...]] = ("counts", "sums", "targets", "gram")
    _by_class: ClassVar[tuple[str, ...]] = ("counts", "sums", "targets", "weight")

    projection: Tensor
    targets: Tensor
    gram: Tensor
    weight: Tensor

    @classmethod
    def checkpoint_bytes(cls, config: Any, spec: Any, tasks: int) -> int | None:
        return 8 * config.projection_width**2  # G, beside which the rest is small

    def _make_sums(self, width: int) -> None:
        super()._make_sums(width)
        m = self.config.projection_width
        self.register_buffer("projection", torch.randn(width, m, dtype=torch.float64))
        self.register_buffer("targets", torch.zeros(0, m, dtype=torch.float64))
        self.register_buffer("gram", torch.zeros(m, m, dtype=torch.float64))
        self.register_buffer("weight", torch.zeros(0, m, dtype=torch.float64))

    def _terms(self, feature: Tensor, target: Tensor) -> dict[str, Tensor]:
        random = self._random_features(feature)
        of_some = target.sum(1, keepdim=True) * random
        own = {"targets": target.T @ random, "gram": of_some.T @ random}
        return super()._terms(feature, target) | own

    def _solve(self) -> None:
        ridged = self.gram.clone()
        ridged.diagonal().add_(self.config.ridge)
        self.weight = torch.linalg.solve(ridged, self.targets.T).T.contiguous()

    def _logits(self, feature: Tensor, classes: slice) -> Tensor:
        return self._scale * self._random_features(feature) @ self.weight[classes].T

    def _random_features(self, feature: Tensor) -> Tensor:
        return (feature @ self.projection).relu()
