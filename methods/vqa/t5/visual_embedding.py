"""Embeds regions as tokens, as VL-T5 does (Cho et al., ICML 2021)."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

_EPS = 1e-6  # T5's


class VisualEmbedding(nn.Module):
    """Maps the features of regions and their positions, (B, R, F) and (B, R, 4), to tokens (B, R, W).

    Features and positions are each mapped to W. A token is their sum, normed as ``norm`` says.

    Args:
        features: F.
        width: W.
        norm: ``parts``: both are RMS-normed; ``sum``: their sum is.
        order: Whether the embedding of the picture's number, 0, and that of the region's number are added.
            The latter are taken from the end of the word table, region 0 from its last row.
        area: The area of the box, or ``reference``: VL-T5 computes (x2 - y2)(y1 - x1) from x1 y1 x2 y2, as if
            boxes were x1 x2 y1 y2.
    """

    def __init__(
        self,
        features: int,
        width: int,
        *,
        norm: Literal["parts", "sum"] = "parts",
        order: bool = True,
        area: Literal["box", "reference"] = "box",
    ) -> None:
        super().__init__()
        self.feature = _linear(features, width)
        self.place = _linear(5, width)
        parts = norm == "parts"
        self.feature_norm = nn.RMSNorm(width, _EPS) if parts else None
        self.place_norm = nn.RMSNorm(width, _EPS) if parts else None
        self.norm = None if parts else nn.RMSNorm(width, _EPS)
        self.picture = nn.Parameter(torch.randn(width)) if order else None
        self._true_area = area == "box"

    def forward(self, features: Tensor, boxes: Tensor, words: Tensor) -> Tensor:
        """Returns the regions' tokens (B, R, W).

        Args:
            features: (B, R, F).
            boxes: (B, R, 4), x1 y1 x2 y2 in parts of the picture's sides.
            words: (V, W), the word table.
        """
        # The maps' results take the table's precision, not autocast's, since a norm follows.
        feature = self.feature(features).to(words.dtype)
        position = self.place(torch.cat([boxes, self._area(boxes)], dim=-1)).to(words.dtype)
        if self.norm is None:
            token = self.feature_norm(feature) + self.place_norm(position)
        else:
            token = self.norm(feature + position)
        if self.picture is None:
            return token
        return token + self.picture + words[-features.shape[1] :].flip(0)

    def _area(self, boxes: Tensor) -> Tensor:
        x1, y1, x2, y2 = boxes.unbind(-1)
        area = (x2 - x1) * (y2 - y1) if self._true_area else (y2 - x2) * (y1 - x1)
        return area.unsqueeze(-1)


def _linear(inputs: int, outputs: int) -> nn.Linear:
    """T5's initialisation of a map, under which outputs vary as much as inputs do."""
    made = nn.Linear(inputs, outputs)
    nn.init.normal_(made.weight, std=inputs**-0.5)
    nn.init.zeros_(made.bias)
    return made
