"""The variants without normalisation and scale: ``clip_transformer``, ``_downscaled`` and ``_w_hypernet``."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .adapter import Adapter
from .attention import CrossModalAttention
from .config import AdapterConfig
from .low_rank import LowRankRows


class AttentionMLP(nn.Module):
    """Masked attention, then width -> ``rank`` -> width (GELU). There is no residual and no norm."""

    def __init__(self, width: int, config: AdapterConfig) -> None:
        super().__init__()
        self.mha = CrossModalAttention(width, config.heads, config.mask_mode)
        self.linear = nn.Sequential(nn.Linear(width, config.rank), nn.GELU(), nn.Linear(config.rank, width))

    def forward(self, image: Tensor, text: Tensor) -> tuple[Tensor, Tensor]:
        """Returns the images' output (B, width) and the texts' (B, N or 1, width).

        Args:
            image: (B, width), the images' tokens.
            text: (N, width), the texts' tokens.
        """
        output, attended = self.mha(image, text)
        first, act, last = self.linear
        out = self.mha.out_proj
        hidden = attended.through(first.weight @ out.weight, first(out.bias))
        return self.linear(output), last(act(hidden))

    def image_only(self, image: Tensor, text: Tensor) -> Tensor:
        """Returns the first result of :meth:`forward` without computing the second.

        Args:
            image: As of :meth:`forward`.
            text: As of :meth:`forward`.
        """
        return self.linear(self.mha.image_only(image, text))


class TransformerAdapter(Adapter):
    """Attention at full width. The image becomes x + out; the texts stay as they are."""

    scaled = False
    attends = True

    def __init__(self, width: int, config: AdapterConfig) -> None:
        super().__init__(width, config)
        self.mmha = AttentionMLP(width, config)

    def forward(self, image: Tensor, text: Tensor) -> Tensor:
        return self.image_features(image, text) @ text.T

    def image_features(self, image: Tensor, text: Tensor) -> Tensor:
        return image + self.mmha.image_only(image, text)


class DownscaledAdapter(Adapter):
    """Attention at ``down_dim`` with a residual, between maps that each modality has of its own. Residuals
    lie outside.
    """

    scaled = False
    attends = True
    down_dim = 16
    _bias = False

    def __init__(self, width: int, config: AdapterConfig) -> None:
        super().__init__(width, config)
        inner = config.down_dim or self.down_dim
        self.mmha = AttentionMLP(inner, config)
        self.image_downsample = nn.Linear(width, inner, bias=self._bias)
        self.text_downsample = nn.Linear(width, inner, bias=self._bias)
        self.image_upsample = nn.Linear(inner, width, bias=self._bias)
        self.text_upsample = nn.Linear(inner, width, bias=self._bias)

    def forward(self, image: Tensor, text: Tensor) -> Tensor:
        image, rows = self._adapted(image, text)
        return image @ text.T + rows.dot_image(image)

    def image_features(self, image: Tensor, text: Tensor) -> Tensor:
        return self._adapted(image, text)[0]

    def class_features(self, image: Tensor, text: Tensor) -> Tensor:
        return text + self._adapted(image, text)[1].mean()

    def _adapted(self, image: Tensor, text: Tensor) -> tuple[Tensor, LowRankRows]:
        """The images' rows (B, D), and what is added to the texts' rows."""
        inner, hidden = self._inner(self.image_downsample(image), self.text_downsample(text))
        up = self.text_upsample
        return image + self.image_upsample(inner), LowRankRows(hidden, up.weight, up.bias)

    def _inner(self, image: Tensor, text: Tensor) -> tuple[Tensor, Tensor]:
        output, hidden = self.mmha(image, text)
        return image + output, text + hidden


class HypernetworkAdapter(DownscaledAdapter):
    """Attention at ``down_dim`` without that inner residual. The image then passes a network that is made
    from it.

    The network, down_dim -> 4 -> down_dim with a ReLU after each map, has weights that another network
    (down_dim -> 16 -> 8 down_dim, with a ReLU between) makes from the image's token.
    """

    down_dim = 32
    _bias = True
    _bottleneck = 4

    def __init__(self, width: int, config: AdapterConfig) -> None:
        super().__init__(width, config)
        inner = config.down_dim or self.down_dim
        layers = {"fc1": nn.Linear(inner, 16), "fc2": nn.Linear(16, 2 * self._bottleneck * inner)}
        self.image_hypernetwork = nn.ModuleDict(layers)

    def _inner(self, image: Tensor, text: Tensor) -> tuple[Tensor, Tensor]:
        output, hidden = self.mmha(image, text)
        layers = self.image_hypernetwork
        down, up = layers["fc2"](F.relu(layers["fc1"](output))).chunk(2, dim=1)
        size, width = len(output), output.shape[1]
        inside = torch.einsum("bd,bdk->bk", output, down.view(size, width, self._bottleneck)).relu()
        return torch.einsum("bk,bkd->bd", inside, up.view(size, self._bottleneck, width)).relu(), hidden
