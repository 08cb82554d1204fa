"""MMA's golden arrays by its released code (github.com/dqmis/clip-mma). For `released_arrays.py`."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING
from unittest.mock import patch

import torch
import torch.nn.functional as F
from released_code import released_code
from torch import Tensor, nn

if TYPE_CHECKING:
    from released_arrays import Arrays


def compute(code: Path, arrays: Arrays) -> None:
    """The adapter, and logits, loss and gradients of every variant. Casts to 32 bits are to 64 here."""
    tokens = SimpleNamespace(tokenize=lambda prompt: torch.tensor([int(prompt)]), _MODELS={})
    with released_code([code], {"clip": {"clip": tokens}}), patch.object(torch, "float32", torch.float64):
        from fomo.models.clip import MODELS
        from fomo.models.clip.clip_base import ClipBase
        from fomo.models.clip.modules.masked_multi_head_attention_downsampled import (
            MaskedMultiheadAttentionDownsampled,
        )

        for case in arrays.cases("adapter"):
            adapter = _resized(MaskedMultiheadAttentionDownsampled(), arrays.below(f"{case}.w"))
            arrays.found(f"{case}.out_additive_one", adapter(arrays[f"{case}.input"]))
        image, text = arrays["model.image_feat"], arrays["model.text_feat"]
        clip = _Clip(text, arrays["model.log_logit_scale"])
        for name, made in MODELS.items():
            with patch.object(ClipBase, "_load_clip_to_cpu", lambda *_: (clip, None)):
                model = _resized(made(), arrays.below(f"model.{name}.w"))
            logits = model(image, list(map(str, range(len(text)))))
            loss = F.cross_entropy(logits, arrays["model.labels"])
            arrays.found(f"model.{name}.out_logits", logits)
            arrays.found(f"model.{name}.out_loss", loss)
            weights = dict(model.named_parameters())
            names = list(arrays.below(f"model.{name}.grad"))
            if names:
                for key, grad in zip(
                    names, torch.autograd.grad(loss, [weights[n] for n in names]), strict=True
                ):
                    arrays.found(f"model.{name}.grad.{key}", grad)


def _resized(model: nn.Module, weights: dict[str, Tensor]) -> nn.Module:
    """The model with these weights, whose widths are other than those that the released code writes down."""
    for name, value in weights.items():
        owner = model.get_submodule(name.rpartition(".")[0])
        setattr(owner, name.rpartition(".")[2], nn.Parameter(value))
        if isinstance(owner, nn.LayerNorm):
            owner.normalized_shape = tuple(value.shape)
        elif isinstance(owner, nn.MultiheadAttention):
            width = value.shape[-1] if value.dim() == 2 else owner.embed_dim
            owner.embed_dim = owner.kdim = owner.vdim = width
            owner.head_dim = width // owner.num_heads
    for part in model.modules():
        if hasattr(part, "embed_dim") and hasattr(part, "weight_shapes"):
            part.embed_dim = width = weights["image_downsample.weight"].shape[0]
            part.weight_shapes = [(width, 4), (4, width)]
    return model


class _Clip(nn.Module):
    """Stands for CLIP: a picture is its feature, and a prompt the number of its class."""

    def __init__(self, text: Tensor, scale: Tensor) -> None:
        super().__init__()
        self.logit_scale = nn.Parameter(scale)
        self.visual = nn.Identity()
        self.visual.output_dim = text.shape[1]
        self._text = text

    def encode_image(self, image: Tensor) -> Tensor:
        return image.clone()  # the caller divides in place

    def encode_text(self, numbers: Tensor) -> Tensor:
        return self._text[numbers]
