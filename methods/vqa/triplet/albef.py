"""The model of ALBEF and CTP, prompted."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from ...backbones.image_text import ImageTextModel
from .frozen_backbone import EncoderOutput, FrozenBackbone
from .splice import Groups, spliced


class AlbefBackbone(FrozenBackbone):
    """A vision transformer, the text layers of a BERT, and its cross-attention layers.

    The fusion's prompts follow the class token of the text stream that enters the cross-attention layers, so
    that the first fused token is the class token. The outputs of the texts' slots follow these prompts.
    """

    model: ImageTextModel

    def __init__(self, model: ImageTextModel) -> None:
        super().__init__(model)
        self._layers = {
            "image": model.vision.blocks,
            "text": model.bert.text_layers,
            "fusion": model.bert.fusion_layers,
        }
        self.depths = {name: len(layers) for name, layers in self._layers.items()}
        self.width = model.vision.embed_dim

    def architecture(self) -> dict[str, Any]:
        return {
            "kind": "albef",
            "image_size": self.model.vision.patch_embed.img_size,
            "image_heads": self.model.vision.blocks[0].attn.num_heads,
            "text_heads": self.model.bert.text_layers[0].attention.self.num_attention_heads,
        }

    def image(self, image: Tensor, prompts: Groups = ()) -> EncoderOutput:
        with spliced(self._layers["image"], prompts):
            tokens, _ = self.model.encode_image(image)
        return EncoderOutput(tokens[:, 0], tokens)

    def text(self, tokens: Tensor, prompts: Groups = ()) -> EncoderOutput:
        with spliced(self._layers["text"], prompts):
            hidden, mask = self.model.bert.encode(tokens)
        return EncoderOutput(hidden[:, 0], hidden, mask)

    def fusion(self, image: EncoderOutput, text: EncoderOutput, prompts: Groups = ()) -> Tensor:
        with spliced(self._layers["fusion"], prompts):
            return self.model.bert.fuse(text.tokens, text.mask, image.tokens)[:, 0]
