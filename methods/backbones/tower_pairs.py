"""The two towers of an image-text model, frozen."""

from __future__ import annotations

import hashlib
import json
from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor

from ..common.precision import full_precision
from .image_text import ImageTextModel
from .pair_encoder import PairEncoder, Tower


class TowerPairs(PairEncoder):
    """The class tokens of the image tower and of the text layers of the model of ALBEF and CTP.

    Rows are the tokens before the projections. Therefore towers that were pretrained apart have whole rows,
    too.
    """

    model: ImageTextModel

    def __init__(self, model: ImageTextModel) -> None:
        super().__init__(model)
        self.width = model.vision.embed_dim

    @cached_property
    def fingerprint(self) -> str:
        model = self.model
        image_heads = model.vision.blocks[0].attn.num_heads
        text_heads = model.bert.text_layers[0].attention.self.num_attention_heads
        how = ("tower pairs", model.vision.patch_embed.img_size, image_heads, text_heads)
        digest = hashlib.sha256(json.dumps(how).encode())
        for name, value in sorted(model.state_dict().items()):
            digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
            digest.update(value.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy())
        return digest.hexdigest()

    @torch.no_grad()
    def image(self, image: Tensor) -> Tensor:
        with full_precision(image):
            tokens, _ = self.model.encode_image(image)
            return tokens[:, 0].half().float()

    @torch.no_grad()
    def text(self, tokens: Tensor) -> Tensor:
        with full_precision(tokens):
            hidden, _ = self.model.bert.encode(tokens)
            return hidden[:, 0].half().float()

    @torch.no_grad()
    def compared(self, rows: Tensor, tower: Tower) -> Tensor:
        with full_precision(rows):
            projection = self.model.image_projection if tower == "image" else self.model.text_projection
            return F.normalize(projection(rows.float()), dim=-1)
