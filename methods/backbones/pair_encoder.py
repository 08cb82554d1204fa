"""Two frozen towers that encode pictures and texts, each alone."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

Tower = Literal["image", "text"]


class PairEncoder(nn.Module):
    """A frozen image tower and a frozen text tower, always in eval mode.

    Rows are computed in full precision whatever autocast says, and rounded to float16, so that rows kept in
    half precision equal those that are computed.

    Attributes:
        rows: 2, of picture and text.
        width: D, the width of the rows.

    Args:
        model: The module that has both towers.
    """

    rows = 2
    width: int

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model.requires_grad_(False).eval()

    def train(self, mode: bool = True) -> PairEncoder:
        """Keeps the towers in eval mode."""
        return super().train(False)

    @property
    def fingerprint(self) -> str:
        """Equal for towers that give equal rows, on any machine."""
        raise NotImplementedError

    def image(self, image: Tensor) -> Tensor:
        """Returns what the image tower gives for pictures uint8 (B, 3, S, S): float32 (B, D)."""
        raise NotImplementedError

    def text(self, tokens: Tensor) -> Tensor:
        """Returns what the text tower gives for the stream's token rows int64 (B, L): float32 (B, D)."""
        raise NotImplementedError

    def compared(self, rows: Tensor, tower: Tower) -> Tensor:
        """Returns the rows in the space in which the pretrained model compares pictures and texts.

        Args:
            rows: float32 (B, D), of :meth:`image` or :meth:`text`.
            tower: Which of the two.

        Returns:
            float32 (B, E), unit rows.
        """
        raise NotImplementedError

    def encode(self, image: Tensor, tokens: Tensor) -> Tensor:
        """Returns the rows of pictures and of texts.

        Args:
            image: uint8 (B, 3, S, S).
            tokens: int64 (B, L).

        Returns:
            float32 (B, 2, D).
        """
        return torch.stack([self.image(image), self.text(tokens)], dim=1)
