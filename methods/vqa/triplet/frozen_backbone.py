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
    """What one encoder gives. ``first``: the class token (B, D), a query where there are no prompts.
    ``tokens``: (B, 1 + slots + N, D), what the fusion takes. ``mask``: of texts, as the fusion wants it.
    """

    first: Tensor
    tokens: Tensor
    mask: Tensor | None = None


class FrozenBackbone(nn.Module):
    """Three encoders: frozen, always in eval mode.

    ``width``: D, of all tokens. ``depths``: the number of layers of each encoder. Subclasses implement
    :meth:`image`, :meth:`text` and :meth:`fusion`; ``prompts`` are groups of slots (see
    :func:`~.splice.spliced`).
    """

    width: int
    depths: Mapping[Modality, int]

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model.requires_grad_(False).eval()

    @cached_property
    def fingerprint(self) -> str:
        """sha256 over architecture and weights: equal for encoders that give equal queries, on any
        machine.
        """
        digest = hashlib.sha256(json.dumps(self.architecture(), sort_keys=True).encode())
        for name, value in sorted(self.model.state_dict().items()):
            digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
            digest.update(value.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy())
        return digest.hexdigest()

    def train(self, mode: bool = True) -> FrozenBackbone:
        """Stays in eval mode."""
        return super().train(False)

    def architecture(self) -> dict[str, Any]:
        """What the weights do not tell of the computation, as plain values."""
        raise NotImplementedError

    def image(self, image: Tensor, prompts: Groups = ()) -> EncoderOutput:
        """Of pictures, uint8 (B, 3, S, S)."""
        raise NotImplementedError

    def text(self, tokens: Tensor, prompts: Groups = ()) -> EncoderOutput:
        """Of token rows, int64 (B, L)."""
        raise NotImplementedError

    def fusion(self, image: EncoderOutput, text: EncoderOutput, prompts: Groups = ()) -> Tensor:
        """The first fused token (B, D)."""
        raise NotImplementedError

    def fused(
        self, image: Tensor, tokens: Tensor, prompts: Mapping[Modality, Groups], pass_prompts: bool
    ) -> Tensor:
        """FT([P^f; VT([P^v; v]); TT([P^q; q])])[0], (B, D) (Qian et al., Eq. 2).

        ``pass_prompts``: what the slots of pictures and texts come to is among the fusion's tokens.
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
