"""Canonical correlation analysis of what frozen towers give for pictures and texts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from ...backbones.pair_config import PairConfig
from ...backbones.pair_encoder import PairEncoder, Tower
from ...common.checks import check_range
from ...common.closed_form.sample_sums import SampleSums
from ...method import Batch, CaptionSpec, Pass, Task
from .canonical_maps import canonical_maps
from .frozen_pairs import FrozenPairs


@dataclass(frozen=True)
class CanonicalConfig:
    """Hyper-parameters of canonical correlation analysis of frozen towers."""

    backbone: PairConfig = field(default_factory=PairConfig)
    """The towers whose rows are correlated."""

    embed_dim: int = 256
    """Width of the space that pictures and texts share: how many canonical directions are kept, the most
    correlated ones. There are no more than features of a tower. Range: at least 1."""

    projection_width: int = 0
    """M, the number of random features of each tower. Time and memory grow with its square, and one solution
    a task with its cube. 0 takes the towers' rows as they are. Range: at least 0. Paper: 0 (CSA), Fourier
    features (Gong et al.)."""

    ridge: float = 1e-4
    """What is added to the diagonal of each covariance, in parts of the diagonal's mean. Range: above 0."""

    power: float = 1.0
    """Directions are weighted by this power of their correlation. Range: at least 0. Released code: 2 to 4,
    of one plus the correlation (Gong et al.)."""

    def __post_init__(self) -> None:
        check_range("embed_dim", self.embed_dim, 1)
        check_range("projection_width", self.projection_width, 0)
        check_range("ridge", self.ridge, 0, open_low=True)
        check_range("power", self.power, 0)


class CanonicalCorrelation(SampleSums, FrozenPairs):
    """Canonical correlation analysis over all pairs so far (Gong et al., IJCV 2014; CSA: Li et al., ICLR
    2025).

    A pair's features are x of its picture and y of its text: the towers' unit rows, or h = ReLU(row W) with W
    (D, M) drawn once from N(0, 1) for each tower, as RanPAC has them (randomised CCA: Lopez-Paz et al., ICML
    2014). From the sums of x, y, x x', y y' and x y' follow the canonical directions a_k and b_k with their
    correlations r_k (:func:`~.canonical_maps.canonical_maps`). A picture's row is the unit row of
    r_k^power a_k'(x - mean), a text's that of r_k^power b_k'(y - mean).

    No pair is kept, and neither the order of tasks nor that of batches counts.

    Args:
        config: The hyper-parameters.
        spec: The sizes of the inputs.
        encoder: The frozen towers, as of :class:`~.frozen_pairs.FrozenPairs`.
    """

    Config = CanonicalConfig
    _summed: ClassVar[tuple[str, ...]] = (
        "count",
        "image_sum",
        "text_sum",
        "image_products",
        "text_products",
        "cross_products",
    )

    count: Tensor
    image_sum: Tensor
    text_sum: Tensor
    image_products: Tensor
    text_products: Tensor
    cross_products: Tensor
    image_map: Tensor
    text_map: Tensor

    def __init__(
        self, config: CanonicalConfig, spec: CaptionSpec, encoder: PairEncoder | None = None
    ) -> None:
        super().__init__(config, spec, encoder)
        (encoder,) = self._held
        own, random = encoder.width, config.projection_width
        if random:
            for tower in ("image", "text"):
                self.register_buffer(f"{tower}_projection", torch.randn(own, random, dtype=torch.float64))
        width = random or own
        kept = min(config.embed_dim, width)
        shapes = {"count": (), "image_sum": (width,), "text_sum": (width,)}
        shapes |= {f"{name}_products": (width, width) for name in ("image", "text", "cross")}
        shapes |= {"image_map": (width, kept), "text_map": (width, kept)}
        for name, shape in shapes.items():
            self.register_buffer(name, torch.zeros(shape, dtype=torch.float64))

    def start_task(self, task: Task) -> None:
        self._begin_sums()

    @torch.no_grad()
    def observe(self, batch: Batch, step: Pass) -> None:
        x, y = (self._features(self.rows(batch, tower), tower) for tower in ("image", "text"))
        self._add_terms(
            {
                "count": x.new_tensor(float(len(x))),
                "image_sum": x.sum(0),
                "text_sum": y.sum(0),
                "image_products": x.T @ x,
                "text_products": y.T @ y,
                "cross_products": x.T @ y,
            }
        )

    def compared(self, rows: Tensor, tower: Tower) -> Tensor:
        mean = getattr(self, f"{tower}_sum") / self.count.clamp(min=1)
        mapped = (self._features(rows, tower) - mean) @ getattr(self, f"{tower}_map")
        return F.normalize(mapped, dim=-1).float()

    def _solve(self) -> None:
        n = self.count.clamp(min=1)
        x, y = self.image_sum / n, self.text_sum / n
        correlation, *directions = canonical_maps(
            self.image_products / n - torch.outer(x, x),
            self.text_products / n - torch.outer(y, y),
            self.cross_products / n - torch.outer(x, y),
            self.config.ridge,
            self.image_map.shape[1],
        )
        weight = correlation**self.config.power
        self.image_map, self.text_map = ((d * weight).contiguous() for d in directions)

    def _features(self, rows: Tensor, tower: Tower) -> Tensor:
        """float64 (B, M), which autocast leaves alone; of unit rows."""
        unit = F.normalize(rows.to(self.image_sum), dim=-1)
        return (unit @ getattr(self, f"{tower}_projection")).relu() if self.config.projection_width else unit
