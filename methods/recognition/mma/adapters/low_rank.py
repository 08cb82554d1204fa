"""Feature rows of every pair of picture and class, kept in the few dimensions from which they are
computed.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class LowRankRows:
    """Rows y[b, n] = weight hidden[b, n] + bias, which would be (B, N, D) if they were written out.

    Inner products, norms and means of the rows are taken in the r dimensions: memory is O(B N r).

    Attributes:
        hidden: (B, N, r), or (B, 1, r) where all classes have the same.
        weight: (D, r).
        bias: (D,), or None.
    """

    hidden: Tensor
    weight: Tensor
    bias: Tensor | None

    def dot_image(self, image: Tensor) -> Tensor:
        """Returns <y[b, n], image[b]>, (B, N) or (B, 1), for ``image`` (B, D)."""
        product = torch.einsum("bnr,br->bn", self.hidden, image @ self.weight)
        return product if self.bias is None else product + (image @ self.bias)[:, None]

    def dot_text(self, text: Tensor) -> Tensor:
        """Returns <y[b, n], text[n]>, (B, N), for ``text`` (N, D)."""
        down = text @ self.weight
        same = self.hidden.shape[1] == 1
        product = self.hidden[:, 0] @ down.T if same else torch.einsum("bnr,nr->bn", self.hidden, down)
        return product if self.bias is None else product + text @ self.bias

    def norm(self) -> Tensor:
        """Returns |y[b, n]|, (B, N) or (B, 1), at least 1e-12."""
        square = ((self.hidden @ (self.weight.T @ self.weight)) * self.hidden).sum(-1)
        if self.bias is not None:
            square = square + 2 * (self.hidden @ (self.bias @ self.weight)) + self.bias @ self.bias
        return square.clamp(min=1e-24).sqrt()

    def mean(self, factor: Tensor | None = None) -> Tensor:
        """Returns the mean over b of factor[b, n] y[b, n], (N, D) or (1, D).

        Args:
            factor: (B, N); None for 1.
        """
        if factor is None:
            mean = self.hidden.mean(0) @ self.weight.T
            return mean if self.bias is None else mean + self.bias
        mean = (self.hidden * factor[..., None]).mean(0) @ self.weight.T
        return mean if self.bias is None else mean + factor.mean(0)[:, None] * self.bias
