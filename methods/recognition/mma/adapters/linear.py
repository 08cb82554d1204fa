"""The variant ``clip_linear``."""

from __future__ import annotations

from torch import Tensor, nn

from .adapter import Adapter
from .config import AdapterConfig


class LinearAdapter(Adapter):
    """One linear map on the image features, which are not normalised again."""

    clamped = True

    def __init__(self, width: int, config: AdapterConfig) -> None:
        super().__init__(width, config)
        self.image_linear = nn.Sequential(nn.Linear(width, width))

    def forward(self, image: Tensor, text: Tensor) -> Tensor:
        return self.image_linear(image) @ text.T

    def image_features(self, image: Tensor, text: Tensor) -> Tensor:
        return self.image_linear(image)
