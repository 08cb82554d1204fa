"""The model of ALBEF and CTP: two towers, a shared space, and a fusion of both towers."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..common.precision import at_least_float32
from ..method import InputSpec
from .config import BackboneConfig
from .text import SplitBert
from .vision import build_vision

_CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
_CLIP_STD = (0.26862954, 0.26130258, 0.27577711)


class ImageTextModel(nn.Module):
    """A vision transformer and a split BERT, each with its class token projected to ``embed_dim``.

    Pictures are uint8 (B, 3, S, S). They are normalised here with CLIP's mean and deviation (as CTP does even
    with DeiT weights). Token rows are int64 (B, L). Features are unit rows, in float32 at least, whatever the
    autocast. :func:`~.pretrained_image_text.load_image_text` loads weights of the whole model.

    Args:
        config: The sizes, and where the towers' weights come from.
        spec: The sizes of the inputs.
        embed_dim: D, the width of the shared space.

    Raises:
        ValueError: The tokenizer has no [CLS] or no [MASK] of its own. The message has one line.
    """

    def __init__(self, config: BackboneConfig, spec: InputSpec, embed_dim: int) -> None:
        super().__init__()
        config = config.resolved()
        if spec.pad_id in (spec.cls_id, spec.mask_id):
            raise ValueError("the tokenizer has no [CLS] or no [MASK]: this model reads those of BERT's kind")
        self.vision = build_vision(config, spec.image_size)
        self.bert = SplitBert(config, spec)
        self.image_projection = nn.Linear(config.image_width, embed_dim)
        self.text_projection = nn.Linear(config.text_width, embed_dim)
        for name, values in (("_mean", _CLIP_MEAN), ("_std", _CLIP_STD)):
            self.register_buffer(name, 255 * torch.tensor(values).view(1, 3, 1, 1), persistent=False)

    def encode_image(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Returns the image tokens (B, N, W) and the feature (B, D) of pictures."""
        tokens = self.vision.forward_features((image.to(self._mean.dtype) - self._mean) / self._std)
        return tokens, _unit(self.image_projection(tokens[:, 0]))

    def encode_text(self, ids: Tensor) -> Tensor:
        """Returns the feature (B, D) of token rows, from the text layers alone."""
        hidden, _ = self.bert.encode(ids)
        return _unit(self.text_projection(hidden[:, 0]))

    def encode_pair(self, ids: Tensor, image_tokens: Tensor) -> Tensor:
        """Returns the fused feature of texts and pictures.

        Args:
            ids: int64 (B, L), token rows.
            image_tokens: (B, N, W).

        Returns:
            (B, W), the unit class token of the full pass over text and image tokens.
        """
        hidden, mask = self.bert.encode(ids)
        return _unit(self.bert.fuse(hidden, mask, image_tokens)[:, 0])

    def mlm_logits(self, ids: Tensor, image_tokens: Tensor, positions: Tensor) -> Tensor:
        """Returns word logits at some positions.

        Args:
            ids: int64 (B, L), token rows.
            image_tokens: (B, N, W).
            positions: (N,), indices that count through ``ids`` row by row.

        Returns:
            (N, V).
        """
        hidden, mask = self.bert.encode(ids)
        fused = self.bert.fuse(hidden, mask, image_tokens).flatten(0, 1)
        return at_least_float32(self.bert.words(fused.index_select(0, positions)))

    def set_trained(self, *, alignment: bool, fusion: bool) -> None:
        """Sets which parts are trained, and freezes the other parts.

        Neither weight decay nor DistributedDataParallel should wait for the gradient of a part that no loss
        term trains.

        Args:
            alignment: Whether a term trains the projections.
            fusion: Whether a term trains the fusion layers with the MLM head.
        """
        for module in (self.image_projection, self.text_projection):
            module.requires_grad_(alignment)
        for module in (self.bert.fusion_layers, self.bert.head):
            module.requires_grad_(fusion)
        self.bert.bias.requires_grad_(fusion)


def _unit(x: Tensor) -> Tensor:
    return F.normalize(at_least_float32(x), dim=-1)
