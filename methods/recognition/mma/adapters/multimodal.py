"""The variants ``clip_transformer_adapter_text``, which is MMA, and ``clip_transformer_adapter``."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from .adapter import Adapter
from .attention import CrossModalAttention
from .config import AdapterConfig
from .low_rank import LowRankRows


class AttentionAdapter(nn.Module):
    """D -> ``rank`` -> ``down_dim`` (two linear maps with nothing between), attention, -> ``rank`` -> D
    (GELU).

    There is no residual and no norm. With 512, 32 and 128 it has 107,712 parameters.

    Args:
        width: D.
        down_dim: The width of the attention.
        config: The sizes and readings.
    """

    def __init__(self, width: int, down_dim: int, config: AdapterConfig) -> None:
        super().__init__()
        self.downsampler = nn.Sequential(nn.Linear(width, config.rank), nn.Linear(config.rank, down_dim))
        self.mha = CrossModalAttention(down_dim, config.heads, config.mask_mode)
        self.upsampler = nn.Sequential(
            nn.Linear(down_dim, config.rank), nn.GELU(), nn.Linear(config.rank, width)
        )

    def forward(self, image: Tensor, text: Tensor) -> tuple[Tensor, LowRankRows]:
        """Returns what the images become, (B, D), and what the texts become beside each of the images.

        Args:
            image: (B, D).
            text: (N, D).
        """
        output, attended = self.mha(self.downsampler(image), self.downsampler(text))
        first, last, out = self.upsampler[0], self.upsampler[2], self.mha.out_proj
        # There is no nonlinearity between the attention's output projection and the MLP's first map, so one
        # map does both.
        hidden = attended.through(first.weight @ out.weight, first(out.bias))
        return self.upsampler(output), LowRankRows(F.gelu(hidden), last.weight, last.bias)

    def image_only(self, image: Tensor, text: Tensor) -> Tensor:
        """Returns the first result of :meth:`forward` without computing the second.

        Args:
            image: (B, D).
            text: (N, D).
        """
        return self.upsampler(self.mha.image_only(self.downsampler(image), self.downsampler(text)))


class ImageMultiModalAdapter(Adapter):
    """MMA's adapter, blended into the image alone (the ablation of the text side)."""

    down_dim = 128
    attends = True

    def __init__(self, width: int, config: AdapterConfig) -> None:
        super().__init__(width, config)
        self.adapter = AttentionAdapter(width, config.down_dim or self.down_dim, config)
        self._ratio = config.ratio

    def forward(self, image: Tensor, text: Tensor) -> Tensor:
        return self.image_features(image, text) @ text.T

    def image_features(self, image: Tensor, text: Tensor) -> Tensor:
        return self._blend(image, self.adapter.image_only(image, text))

    def _blend(self, image: Tensor, adapted: Tensor) -> Tensor:
        return F.normalize(image.lerp(F.normalize(adapted, dim=-1), self._ratio), dim=-1)


class MultiModalAdapter(ImageMultiModalAdapter):
    """MMA (Seputis et al., arXiv 2409.02958): a = A([texts ; image]) for each image, and on both sides f' =
    normalise(ratio normalise(a) + (1 - ratio) f).

    A class's features therefore belong to an image.
    """

    def forward(self, image: Tensor, text: Tensor) -> Tensor:
        adapted, rows = self.adapter(image, text)
        image = self._blend(image, adapted)
        own, rest = self._shares(rows, text)
        return own * rows.dot_image(image) + rest * (image @ text.T)

    def class_features(self, image: Tensor, text: Tensor) -> Tensor:
        _, rows = self.adapter(image, text)
        own, rest = self._shares(rows, text)
        return rows.mean(own) + rest.mean(0)[:, None] * text

    def _shares(self, rows: LowRankRows, text: Tensor) -> tuple[Tensor, Tensor]:
        """The factors (B, N) with which t'[b, n] = own[b, n] y[b, n] + rest[b, n] text[n] is a unit row."""
        own, rest = self._ratio / rows.norm(), 1 - self._ratio
        square = self._ratio**2 + rest**2 * text.square().sum(-1) + 2 * rest * own * rows.dot_text(text)
        norm = square.clamp(min=1e-24).sqrt()
        return own / norm, rest / norm
