"""The variant ``clip_adapter``."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from .adapter import Adapter
from .config import AdapterConfig


class ClipAdapter(Adapter):
    """CLIP-Adapter (Gao et al., arXiv 2110.04544) on the image: x' = normalise(ratio A(x) + (1 - ratio) x).

    A is D -> ``down_dim`` -> D without biases, with a ReLU after each map. ``down_dim`` is D / 4 where it is
    None.
    """

    def __init__(self, width: int, config: AdapterConfig) -> None:
        super().__init__(width, config)
        hidden = config.down_dim or max(1, width // 4)
        layers = (
            nn.Linear(width, hidden, bias=False),
            nn.ReLU(),
            nn.Linear(hidden, width, bias=False),
            nn.ReLU(),
        )
        self.adapter = nn.ModuleDict({"fc": nn.Sequential(*layers)})
        self._ratio = config.ratio

    def forward(self, image: Tensor, text: Tensor) -> Tensor:
        return self.image_features(image, text) @ text.T

    def image_features(self, image: Tensor, text: Tensor) -> Tensor:
        return F.normalize(image.lerp(self.adapter["fc"](image), self._ratio), dim=-1)
