"""Self-attention over N class texts and one image, for a whole batch of images at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class AttendedTexts:
    """The outputs of the text tokens of B sequences, which are never written out.

    Sequences differ in their image alone, and so do the outputs of a text. Head h of text n in sequence b has
    (1 - share[h, n, b]) text[h, n] + share[h, n, b] image[h, b].

    Attributes:
        share: (H, N, B), the attention that the image gets; None where the image gets all, and every text has
            the image's output.
        text: (H, N, d), or None.
        image: (H, B, d).
    """

    share: Tensor | None
    text: Tensor | None
    image: Tensor

    def through(self, weight: Tensor, bias: Tensor) -> Tensor:
        """Returns the outputs under a linear map of the joined heads.

        Args:
            weight: (R, H d).
            bias: (R,).

        Returns:
            (B, N, R), or (B, 1, R) where all texts have the same output.
        """
        heads, _, width = self.image.shape
        by_head = weight.view(-1, heads, width)
        image = torch.einsum("hbd,rhd->bhr", self.image, by_head)
        if self.share is None:
            return (image.sum(1) + bias)[:, None]
        text = torch.einsum("hnd,rhd->nhr", self.text, by_head)
        to_text = torch.einsum("hnb,nhr->bnr", 1 - self.share, text)
        return to_text + torch.einsum("hnb,bhr->bnr", self.share, image) + bias


class _Projected(NamedTuple):
    """Queries (divided by the root of the head's width), keys and values: (H, tokens, d) each."""

    query: Tensor
    key: Tensor
    value: Tensor


class CrossModalAttention(nn.MultiheadAttention):
    """Multi-head attention of B sequences [N texts ; 1 image] that share their texts, under MMA's mask.

    The weights, their names and their initialisation are torch's. What does not depend on the image is
    computed once. The softmax over N texts and one image is split into a softmax over the texts and a sigmoid
    against the image, which is exact: it takes O(N^2 + B N) instead of O(B N^2), and no (B, N, D) tensor.

    Args:
        width: The width of the tokens.
        heads: The number of heads.
        mask_mode: Which tokens attend to which.

    Raises:
        ValueError: ``heads`` does not divide ``width``.
    """

    def __init__(self, width: int, heads: int, mask_mode: Literal["blocked", "additive_one"]) -> None:
        if width % heads:
            raise ValueError(f"heads {heads} must divide the attention's width {width}")
        super().__init__(width, heads)
        self._blocked = mask_mode == "blocked"

    def forward(self, image: Tensor, text: Tensor) -> tuple[Tensor, AttendedTexts]:
        """Returns the image's output (B, width), and the texts' outputs before the output projection.

        Args:
            image: (B, width), the images' tokens.
            text: (N, width), the texts' tokens.
        """
        image_qkv, text_qkv = self._project(image), self._project(text)
        return self._of_image(image_qkv, text_qkv), self._of_texts(image_qkv, text_qkv)

    def image_only(self, image: Tensor, text: Tensor) -> Tensor:
        """Returns the first result of :meth:`forward` without computing the second.

        Args:
            image: As of :meth:`forward`.
            text: As of :meth:`forward`.
        """
        return self._of_image(self._project(image), self._project(text))

    def _of_image(self, image: _Projected, text: _Projected) -> Tensor:
        to_text = image.query @ text.key.mT
        output = to_text.softmax(-1) @ text.value
        if not self._blocked:
            own = (image.query * image.key).sum(-1) - (to_text.logsumexp(-1) + 1)
            output = output.lerp(image.value, own.sigmoid()[..., None])
        return self.out_proj(output.transpose(0, 1).flatten(1))

    def _of_texts(self, image: _Projected, text: _Projected) -> AttendedTexts:
        if self._blocked:
            return AttendedTexts(None, None, image.value)
        to_text = text.query @ text.key.mT
        share = (text.query @ image.key.mT + 1 - to_text.logsumexp(-1, keepdim=True)).sigmoid()
        return AttendedTexts(share, to_text.softmax(-1) @ text.value, image.value)

    def _project(self, tokens: Tensor) -> _Projected:
        joined = nn.functional.linear(tokens, self.in_proj_weight, self.in_proj_bias)
        query, key, value = joined.view(len(tokens), 3, self.num_heads, self.head_dim).permute(1, 2, 0, 3)
        return _Projected(query * self.head_dim**-0.5, key, value)
