"""The variants that look at pairs of picture and class: ``clip_mm_mlp`` and ``clip_mm_mlp_adapter``."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from .adapter import Adapter
from .config import AdapterConfig


def _pairs(layer: nn.Linear, image: Tensor, text: Tensor) -> Tensor:
    """Applies ``layer`` (2D -> r) to all concatenations [image, text], (B, N, r), without making them."""
    of_image, of_text = layer.weight.chunk(2, dim=1)
    return F.linear(image, of_image, layer.bias)[:, None] + text @ of_text.T


class PairMLP(Adapter):
    """An MLP, 2D -> ``down_dim`` -> 1 with a ReLU, whose output for each pair [image, text] is the logit."""

    scaled = False
    down_dim = 16

    def __init__(self, width: int, config: AdapterConfig) -> None:
        super().__init__(width, config)
        hidden = config.down_dim or self.down_dim
        self.combination_layer = nn.Sequential(nn.Linear(2 * width, hidden), nn.ReLU(), nn.Linear(hidden, 1))

    def forward(self, image: Tensor, text: Tensor) -> Tensor:
        first, act, last = self.combination_layer
        return last(act(_pairs(first, image, text))).squeeze(-1)


class PairAdapter(Adapter):
    """Two MLPs of each pair [image, text], one for the image and one for the text, each blended as
    CLIP-Adapter's is.

    They are 2D -> ``down_dim`` -> D without bias, with a ReLU after each map. The last ReLU acts on all D
    dimensions of every pair, so that memory is O(B N D).
    """

    clamped = True
    down_dim = 32

    def __init__(self, width: int, config: AdapterConfig) -> None:
        super().__init__(width, config)
        hidden = config.down_dim or self.down_dim
        self.mm_to_visual_mlp = self._mlp(width, hidden)
        self.mm_to_text_mlp = self._mlp(width, hidden)
        self._ratio = config.ratio

    def forward(self, image: Tensor, text: Tensor) -> Tensor:
        return (self._images(image, text) * self._texts(image, text)).sum(-1)

    def image_features(self, image: Tensor, text: Tensor) -> Tensor:
        """Returns the pictures' adapted rows (B, D), averaged over the classes that a picture is
        paired with.
        """
        return self._images(image, text).mean(1)

    def class_features(self, image: Tensor, text: Tensor) -> Tensor:
        return self._texts(image, text).mean(0)

    @staticmethod
    def _mlp(width: int, hidden: int) -> nn.Sequential:
        return nn.Sequential(
            nn.Linear(2 * width, hidden, bias=False),
            nn.ReLU(),
            nn.Linear(hidden, width, bias=False),
            nn.ReLU(),
        )

    def _images(self, image: Tensor, text: Tensor) -> Tensor:
        first, *rest = self.mm_to_visual_mlp
        return self._blend(image[:, None], nn.Sequential(*rest)(_pairs(first, image, text)))

    def _texts(self, image: Tensor, text: Tensor) -> Tensor:
        first, *rest = self.mm_to_text_mlp
        return self._blend(text, nn.Sequential(*rest)(_pairs(first, image, text)))

    def _blend(self, frozen: Tensor, adapted: Tensor) -> Tensor:
        return F.normalize(frozen * (1 - self._ratio) + adapted * self._ratio, dim=-1)
