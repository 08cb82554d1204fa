"""The text tower: a BERT split into text layers and fusion layers."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import AutoConfig, BertConfig, BertForMaskedLM

from ..method import InputSpec
from .config import BackboneConfig, init_scale
from .from_transformers import DoesNotFit, load_whole, quiet, reading


class SplitBert(nn.Module):
    """BERT as ALBEF and CTP use it: text layers, fusion layers that also attend to image tokens, and an MLM
    head.

    Attention is bidirectional throughout. The MLM decoder is tied to the word embeddings.

    Args:
        config: The resolved configuration.
        spec: The sizes of the inputs.

    Raises:
        ValueError: There are no such weights, or they do not fit. The message has one line.
    """

    def __init__(self, config: BackboneConfig, spec: InputSpec) -> None:
        super().__init__()
        bert = _random(config, spec) if config.text_weights == "random" else _pretrained(config, spec)
        self.embeddings = bert.bert.embeddings
        self.text_layers = bert.bert.encoder.layer[: config.fusion_layer]
        self.fusion_layers = bert.bert.encoder.layer[config.fusion_layer :]
        for layer in self.text_layers:
            del layer.crossattention
            layer.is_decoder = layer.add_cross_attention = False
        self.head = bert.cls.predictions.transform
        # The head's matrix is that of the embeddings. It is held once, so that a state dict has no shared
        # tensors.
        self.bias = nn.Parameter(bert.cls.predictions.bias.detach().clone())
        self._pad_id = spec.pad_id
        self._fused = config.attention == "sdpa"

    def encode(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        """Encodes token rows by the text layers.

        Args:
            ids: int64 (B, L).

        Returns:
            Hidden states (B, L, W), and the attention mask for :meth:`fuse`.
        """
        hidden = self.embeddings(input_ids=ids)
        mask = (ids != self._pad_id)[:, None, None, :]
        if not self._fused:
            mask = torch.zeros_like(mask, dtype=hidden.dtype).masked_fill(
                ~mask, torch.finfo(hidden.dtype).min
            )
        for layer in self.text_layers:
            hidden = layer(hidden, attention_mask=mask)
        return hidden, mask

    def fuse(self, hidden: Tensor, mask: Tensor, image_tokens: Tensor) -> Tensor:
        """Returns the hidden states after the fusion layers, which attend to the image tokens.

        Args:
            hidden: (B, L, W), of :meth:`encode`.
            mask: The mask of :meth:`encode`.
            image_tokens: (B, N, W).

        Returns:
            (B, L, W).
        """
        for layer in self.fusion_layers:
            hidden = layer(hidden, attention_mask=mask, encoder_hidden_states=image_tokens)
        return hidden

    def words(self, hidden: Tensor) -> Tensor:
        """Returns the MLM logits (..., V) of hidden states (..., W)."""
        return F.linear(self.head(hidden), self.embeddings.word_embeddings.weight, self.bias)


_DECODER = {"is_decoder": True, "add_cross_attention": True}  # makes transformers build cross-attention


def _random(config: BackboneConfig, spec: InputSpec) -> BertForMaskedLM:
    with quiet():
        return BertForMaskedLM(
            BertConfig(
                vocab_size=spec.vocab_size,
                hidden_size=config.text_width,
                num_hidden_layers=config.text_layers,
                num_attention_heads=config.text_heads,
                intermediate_size=config.mlp_ratio * config.text_width,
                hidden_dropout_prob=config.dropout,
                attention_probs_dropout_prob=config.dropout,
                max_position_embeddings=spec.max_tokens,
                pad_token_id=spec.pad_id,
                initializer_range=0.02 * init_scale(config.text_width),
                attn_implementation=config.attention,
                **_DECODER,
            )
        )


def _pretrained(config: BackboneConfig, spec: InputSpec) -> BertForMaskedLM:
    name = config.text_weights
    with reading("text_weights", name, "a BERT", "random") as source:
        _check_sizes(name, AutoConfig.from_pretrained(source, trust_remote_code=False), config, spec)
        return load_whole(
            "text_weights",
            name,
            BertForMaskedLM,
            source,
            "BERT",
            hidden_dropout_prob=config.dropout,
            attention_probs_dropout_prob=config.dropout,
            attn_implementation=config.attention,
            **_DECODER,
        )


def _check_sizes(name: str, loaded: BertConfig, config: BackboneConfig, spec: InputSpec) -> None:
    if not isinstance(loaded, BertConfig):
        raise DoesNotFit(f"text_weights {name!r} are those of a {loaded.model_type}, not of a BERT")
    pairs = (
        ("text_width", loaded.hidden_size, config.text_width),
        ("text_layers", loaded.num_hidden_layers, config.text_layers),
        ("mlp_ratio", loaded.intermediate_size / loaded.hidden_size, config.mlp_ratio),
        ("text_heads", loaded.num_attention_heads, config.text_heads),
    )
    for field, has, asked in pairs:
        if has != asked:
            raise DoesNotFit(f"text_weights {name!r} have {field} {has}, not {asked}")
    if loaded.vocab_size != spec.vocab_size:
        raise DoesNotFit(
            f"text_weights {name!r} have {loaded.vocab_size} words, the tokenizer {spec.vocab_size}: "
            "take both from one source"
        )
    if loaded.max_position_embeddings < spec.max_tokens:
        raise DoesNotFit(
            f"text_weights {name!r} read {loaded.max_position_embeddings} tokens, not {spec.max_tokens}"
        )
