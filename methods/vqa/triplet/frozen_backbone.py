"""Frozen image, text and fusion encoders that take prompts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cached_property
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from .modality import MODALITIES, Modality
from .splice import Groups, without_slots


class EncoderOutput(NamedTuple):
    """The output of one encoder.

    Attributes:
        first: (B, D), the class token; without prompts it is a query.
        tokens: (B, 1 + slots + N, D), the fusion's input.
        mask: The mask of texts, in the form that the fusion takes.
    """

    first: Tensor
    tokens: Tensor
    mask: Tensor | None = None


class FrozenBackbone(nn.Module):
    """Three encoders that are frozen and always in eval mode.

    Subclasses implement :meth:`image`, :meth:`text` and :meth:`fusion`. Their ``prompts`` are groups of slots
    (see :func:`~.splice.spliced`).

    Attributes:
        width: D, the width of all tokens.
        depths: The number of layers of each encoder.

    Args:
        model: The module that has the three encoders.
    """

    width: int
    depths: Mapping[Modality, int]

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model.requires_grad_(False).eval()

    @cached_property
    def fingerprint(self) -> str:
        """The sha256 over architecture and weights. It is equal for encoders that give equal queries, on any
        machine.
        """
        digest = hashlib.sha256(json.dumps(self.architecture(), sort_keys=True).encode())
        for name, value in sorted(self.model.state_dict().items()):
            digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
            digest.update(value.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy())
        return digest.hexdigest()

    def train(self, mode: bool = True) -> FrozenBackbone:
        """Keeps the encoders in eval mode."""
        return super().train(False)

    def architecture(self) -> dict[str, Any]:
        """Returns, as plain values, what the weights do not tell of the computation."""
        raise NotImplementedError

    def image(self, image: Tensor, prompts: Groups = ()) -> EncoderOutput:
        """Encodes pictures.

        Args:
            image: uint8 (B, 3, S, S).
            prompts: The slots of the image encoder.
        """
        raise NotImplementedError

    def text(self, tokens: Tensor, prompts: Groups = ()) -> EncoderOutput:
        """Encodes token rows.

        Args:
            tokens: int64 (B, L).
            prompts: The slots of the text encoder.
        """
        raise NotImplementedError

    def fusion(self, image: EncoderOutput, text: EncoderOutput, prompts: Groups = ()) -> Tensor:
        """Returns the first fused token (B, D).

        Args:
            image: The pictures' output.
            text: The texts' output.
            prompts: The slots of the fusion.
        """
        raise NotImplementedError

    def fused(
        self, image: Tensor, tokens: Tensor, prompts: Mapping[Modality, Groups], pass_prompts: bool
    ) -> Tensor:
        """Returns FT([P^f; VT([P^v; v]); TT([P^q; q])])[0], (B, D) (Qian et al., Eq. 2).

        Args:
            image: uint8 (B, 3, S, S).
            tokens: int64 (B, L).
            prompts: The slots of each encoder.
            pass_prompts: Whether the outputs of the pictures' and the texts' slots are among the fusion's
                tokens.
        """
        groups = {name: prompts.get(name, ()) for name in MODALITIES}
        encoded = [self.image(image, groups["image"]), self.text(tokens, groups["text"])]
        if not pass_prompts:
            slots = [_count(groups[name]) for name in ("image", "text")]
            encoded = [
                e._replace(tokens=without_slots(e.tokens, n)) for e, n in zip(encoded, slots, strict=True)
            ]
        return self.fusion(*encoded, groups["fusion"])


def _count(groups: Groups) -> int:
    return sum(next(iter(group.values())).shape[1] for group in groups if group)
