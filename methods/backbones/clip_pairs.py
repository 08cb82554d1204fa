"""The two towers of a CLIP, frozen, on a stream's token rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from .clip import Clip
from .pair_encoder import PairEncoder, Tower


class ClipPairs(PairEncoder):
    """A CLIP's features of pictures and texts, in the space in which it compares them.

    A CLIP reads with a tokenizer of its own: it gets the text that the stream's token rows stand for. What
    the stream's tokenizer cut off or does not know is not in it.

    Args:
        model: The CLIP.
        detokenize: Maps the stream's token ids to text, without special tokens.
    """

    model: Clip

    def __init__(self, model: Clip, detokenize: Callable[[Sequence[int]], str]) -> None:
        super().__init__(model)
        self.width = model.width
        self._detokenize = detokenize

    @property
    def fingerprint(self) -> str:
        return self.model.fingerprint

    @torch.no_grad()
    def image(self, image: Tensor) -> Tensor:
        return self.model.encode_image(image).half().float()

    @torch.no_grad()
    def text(self, tokens: Tensor) -> Tensor:
        return self.model.encode_text([self._detokenize(row) for row in tokens.tolist()]).half().float()

    @torch.no_grad()
    def compared(self, rows: Tensor, tower: Tower) -> Tensor:
        return F.normalize(rows.float(), dim=-1)
