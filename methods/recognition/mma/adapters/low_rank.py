"""Feature rows of every pair of picture and class, kept in the few dimensions that they come from."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class LowRankRows:
    """Rows y[b, n] = weight hidden[b, n] + bias, (B, N, D) if they were written out.

    ``hidden``: (B, N, r), or (B, 1, r) where all classes have the same; ``weight``: (D, r); ``bias``: (D,),
    or None. Inner products, norms and means of the rows are taken in the r dimensions: memory is O(B N r).
    """

    hidden: Tensor
    weight: Tensor
    bias: Tensor | None

    def dot_image(self, image: Tensor) -> Tensor:
        """<y[b, n], image[b]>, (B, N) or (B, 1), of ``image`` (B, D)."""
        found = torch.einsum("bnr,br->bn", self.hidden, image @ self.weight)
        return found if self.bias is None else found + (image @ self.bias)[:, None]

    def dot_text(self, text: Tensor) -> Tensor:
        """<y[b, n], text[n]>, (B, N), of ``text`` (N, D)."""
        down = text @ self.weight
        same = self.hidden.shape[1] == 1
        found = self.hidden[:, 0] @ down.T if same else torch.einsum("bnr,nr->bn", self.hidden, down)
        return found if self.bias is None else found + text @ self.bias

    def norm(self) -> Tensor:
        """|y[b, n]|, (B, N) or (B, 1), at least 1e-12."""
        square = ((self.hidden @ (self.weight.T @ self.weight)) * self.hidden).sum(-1)
        if self.bias is not None:
            square = square + 2 * (self.hidden @ (self.bias @ self.weight)) + self.bias @ self.bias
        return square.clamp(min=1e-24).sqrt()

    def mean(self, factor: Tensor | None = None) -> Tensor:
        """The mean over b of factor[b, n] y[b, n], (N, D) or (1, D); ``factor`` (B, N) is 1 where None."""
        if factor is None:
            found = self.hidden.mean(0) @ self.weight.T
            return found if self.bias is None else found + self.bias
        found = (self.hidden * factor[..., None]).mean(0) @ self.weight.T
        return found if self.bias is None else found + factor.mean(0)[:, None] * self.bias
