"""The nearest class mean."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch.nn.functional as F
from torch import Tensor

from ...backbones.clip_config import ClipConfig
from .base import ClosedForm


@dataclass(frozen=True)
class NearestMeanConfig:
    """The nearest mean has nothing to choose but its ``backbone``."""

    backbone: ClipConfig = field(default_factory=ClipConfig)
    """The CLIP whose features have means."""


class NearestClassMean(ClosedForm):
    """Nearest class mean: cosines with the class means of the frozen features, times CLIP's scale.

    It is SimpleCIL (Zhou et al., arXiv 2303.07338), and RanPAC's released code without the projection.
    """

    Config = NearestMeanConfig

    def _logits(self, feature: Tensor, classes: slice) -> Tensor:
        return self.spec.scale * feature @ F.normalize(self.sums[classes], dim=-1).T
