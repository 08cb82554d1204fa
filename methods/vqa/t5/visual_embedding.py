"""Regions as tokens, as VL-T5 embeds them (Cho et al., ICML 2021)."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

_EPS = 1e-6  # T5's


class VisualEmbedding(nn.Module):
    """Features of regions and where they lie, (B, R, F) and (B, R, 4), -> tokens (B, R, W).

    Each of the two is mapped to W; with ``norm`` ``parts`` both are RMS-normed, with ``sum`` their sum is.
    With ``order`` come the embedding of the picture's number, 0, and of the region's: those are taken from
    the end of the word table, region 0 from its last row. ``area``: the box's, or ``reference``: VL-T5
    computes (x2 - y2)(y1 - x1) from x1 y1 x2 y2, as if boxes were x1 x2 y1 y2.
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
        """``boxes``: x1 y1 x2 y2 in parts of the picture's sides. ``words``: the word table (V, W)."""
        # In the table's precision, not autocast's: a norm follows.
        feature = self.feature(features).to(words.dtype)
        place = self.place(torch.cat([boxes, self._area(boxes)], dim=-1)).to(words.dtype)
        if self.norm is None:
            found = self.feature_norm(feature) + self.place_norm(place)
        else:
            found = self.norm(feature + place)
        if self.picture is None:
            return found
        return found + self.picture + words[-features.shape[1] :].flip(0)

    def _area(self, boxes: Tensor) -> Tensor:
        x1, y1, x2, y2 = boxes.unbind(-1)
        area = (x2 - x1) * (y2 - y1) if self._true_area else (y2 - x2) * (y1 - x1)
        return area.unsqueeze(-1)


def _linear(inputs: int, outputs: int) -> nn.Linear:
    """T5's initialisation of a map: outputs vary as much as inputs do."""
    made = nn.Linear(inputs, outputs)
    nn.init.normal_(made.weight, std=inputs**-0.5)
    nn.init.zeros_(made.bias)
    return made
