"""Predicts the fusion's prompts from those of image and text."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ...common.precision import full_precision

_DEVIATION = 0.02


class Interaction(nn.Module):
    """The matrices W^v, W^q and W^vq, each U V^T of rank d, which layers and tasks share.

    ``up`` and ``down`` are U and V, (3, D, d). They are drawn from N(0, 0.02^2), so that their products start
    near zero.

    Args:
        width: D.
        rank: d.
    """

    def __init__(self, width: int, rank: int) -> None:
        super().__init__()
        self.up = nn.Parameter(torch.empty(3, width, rank).normal_(0, _DEVIATION))
        self.down = nn.Parameter(torch.empty(3, width, rank).normal_(0, _DEVIATION))

    def forward(self, image: Tensor, text: Tensor) -> Tensor:
        """Returns W^v p^v + W^q p^q + W^vq (p^v * p^q).

        Args:
            image: (..., D), prompt tokens p^v.
            text: (..., D), prompt tokens p^q.
        """
        with full_precision(image):
            inner = torch.einsum("k...d,kdr->k...r", torch.stack([image, text, image * text]), self.down)
            return torch.einsum("k...r,kdr->...d", inner, self.up)

    def matrices(self) -> Tensor:
        """Returns the three matrices, (3, D, D)."""
        with full_precision(self.up):
            return self.up @ self.down.mT
