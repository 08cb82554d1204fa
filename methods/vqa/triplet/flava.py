"""FLAVA (Singh et al., CVPR 2022), prompted."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from transformers import AutoConfig, FlavaConfig, FlavaModel

from ...backbones.from_transformers import DoesNotFit, load_whole, reading
from ...method import InputSpec
from .frozen_backbone import EncoderOutput, FrozenBackbone
from .splice import Groups, spliced, widened

_MEAN = (0.48145466, 0.4578275, 0.40821073)
_STD = (0.26862954, 0.26130258, 0.27577711)


class FlavaBackbone(FrozenBackbone):
    """Image and text encoders, and one with self-attention over the tokens of both.

    The fusion's prompts follow the fusion's own class token. As in FLAVA, the fusion takes the tokens of the
    other encoders before their last layer norm, projected. Queries are the class tokens after that norm.
    Position embeddings are resized where pictures do not have the size with which FLAVA was trained.
    """

    model: FlavaModel

    def __init__(self, model: FlavaModel, pad_id: int) -> None:
        super().__init__(model)
        parts = {"image": model.image_model, "text": model.text_model, "fusion": model.multimodal_model}
        self._layers = {name: part.encoder.layer for name, part in parts.items()}
        self.depths = {name: len(layers) for name, layers in self._layers.items()}
        self.width = model.mm_hidden_size
        self._pad_id = pad_id
        for name, values in (("_mean", _MEAN), ("_std", _STD)):
            self.register_buffer(name, 255 * torch.tensor(values).view(1, 3, 1, 1), persistent=False)

    def architecture(self) -> dict[str, Any]:
        config = self.model.config
        parts = {"image": config.image_config, "text": config.text_config, "fusion": config.multimodal_config}
        heads = {name: part.num_attention_heads for name, part in parts.items()}
        return {"kind": "flava", "heads": heads, "pad_id": self._pad_id}

    def image(self, image: Tensor, prompts: Groups = ()) -> EncoderOutput:
        pixels = (image.to(self._mean.dtype) - self._mean) / self._std
        with spliced(self._layers["image"], prompts):
            output = self.model.image_model(
                pixels, interpolate_pos_encoding=True, output_hidden_states=True, return_dict=True
            )
        return EncoderOutput(
            output.last_hidden_state[:, 0], self.model.image_to_mm_projection(output.hidden_states[-1])
        )

    def text(self, tokens: Tensor, prompts: Groups = ()) -> EncoderOutput:
        mask = (tokens != self._pad_id).long()
        with spliced(self._layers["text"], prompts):
            output = self.model.text_model(tokens, mask, output_hidden_states=True, return_dict=True)
        return EncoderOutput(
            output.last_hidden_state[:, 0], self.model.text_to_mm_projection(output.hidden_states[-1]), mask
        )

    def fusion(self, image: EncoderOutput, text: EncoderOutput, prompts: Groups = ()) -> Tensor:
        tokens = torch.cat([image.tokens, text.tokens], dim=1)
        words = widened(text.mask, text.tokens.shape[1])
        others = words.new_ones(1, 1).expand(len(words), 1 + image.tokens.shape[1])
        with spliced(self._layers["fusion"], prompts):
            output = self.model.multimodal_model(tokens, torch.cat([others, words], dim=1), return_dict=True)
        return output.last_hidden_state[:, 0]


def load_flava(name: str, spec: InputSpec) -> FlavaBackbone:
    """Returns a FLAVA, on the CPU.

    Args:
        name: Its name on the Hub, or its folder.
        spec: The sizes of the inputs.

    Raises:
        ValueError: There is no such FLAVA, or its sizes do not fit the pictures, the tokenizer or each other.
            The message has one line.
    """
    with reading("flava", name, "a FLAVA", "null") as source:
        _check(name, AutoConfig.from_pretrained(source, trust_remote_code=False), spec)
        model = load_whole("flava", name, FlavaModel, source, "a FLAVA")
    return FlavaBackbone(model, spec.pad_id)


def _check(name: str, config: Any, spec: InputSpec) -> None:
    if not isinstance(config, FlavaConfig):
        raise DoesNotFit(f"flava {name!r} is a {config.model_type}, not a FLAVA")
    image, text, fusion = config.image_config, config.text_config, config.multimodal_config
    widths = [part.hidden_size for part in (image, text, fusion)]
    if len(set(widths)) > 1:
        raise DoesNotFit(f"flava {name!r} has encoders of widths {widths}: prompts need equal ones")
    if not fusion.use_cls_token:
        raise DoesNotFit(f"flava {name!r} has no class token in its multimodal encoder")
    if text.vocab_size != spec.vocab_size:
        raise DoesNotFit(
            f"flava {name!r} has {text.vocab_size} words, the tokenizer {spec.vocab_size}: take both from "
            "one place"
        )
    if text.max_position_embeddings < spec.max_tokens:
        raise DoesNotFit(f"flava {name!r} reads {text.max_position_embeddings} tokens, not {spec.max_tokens}")
    if spec.image_size % image.patch_size:
        raise DoesNotFit(
            f"flava {name!r} has patches of {image.patch_size} pixels, which do not tile {spec.image_size}"
        )
