"""Makes the T5 itself, random or pretrained, with rows for the regions appended to its word table."""

from __future__ import annotations

import torch
from torch import nn
from transformers import AutoConfig, T5Config, T5ForConditionalGeneration

from ...backbones.from_transformers import DoesNotFit, load_whole, reading
from ...method import InputSpec
from .config import JointT5Config

# T5's word tables are padded to a multiple of this number.
_PADDED_TO = 128


def make_t5(config: JointT5Config, spec: InputSpec, regions: int) -> T5ForConditionalGeneration:
    """Makes a T5 whose word table has rows for the regions' numbers behind the words.

    The decoder starts with [PAD], and [SEP] ends an answer.

    Args:
        config: The resolved configuration.
        spec: The tokenizer: ``spec.vocab_size`` words.
        regions: The number of rows for regions.

    Raises:
        ValueError: There are no such weights, or they do not fit. The message has one line.
    """
    if config.weights == "random":
        return T5ForConditionalGeneration(
            T5Config(
                vocab_size=spec.vocab_size + regions,
                d_model=config.width,
                d_kv=config.width // config.heads,
                d_ff=config.ff,
                num_layers=config.layers,
                num_heads=config.heads,
                dropout_rate=config.dropout,
                pad_token_id=spec.pad_id,
                eos_token_id=spec.sep_id,
                decoder_start_token_id=spec.pad_id,
            )
        )
    t5 = _pretrained(config, spec)
    t5.config.decoder_start_token_id = t5.config.pad_token_id = spec.pad_id  # a folder may leave them out
    old = t5.shared.weight.detach()[: spec.vocab_size]
    words = nn.Embedding(spec.vocab_size + regions, config.width)
    with torch.no_grad():
        # The new rows are as far apart as the words are after the weights' own training.
        words.weight.normal_(0, old.std().item())[: spec.vocab_size] = old
    t5.set_input_embeddings(words)
    return t5


def _pretrained(config: JointT5Config, spec: InputSpec) -> T5ForConditionalGeneration:
    name = config.weights
    with reading("weights", name, "a T5", "random") as source:
        _check_sizes(name, AutoConfig.from_pretrained(source, trust_remote_code=False), config, spec)
        return load_whole(
            "weights", name, T5ForConditionalGeneration, source, "a T5", dropout_rate=config.dropout
        )


def _check_sizes(name: str, loaded: T5Config, config: JointT5Config, spec: InputSpec) -> None:
    if not isinstance(loaded, T5Config):
        raise DoesNotFit(f"weights {name!r} are those of a {loaded.model_type}, not of a T5")
    if not loaded.scale_decoder_outputs:
        raise DoesNotFit(
            f"weights {name!r} have an output layer of their own (T5 1.1): allowed are those of a T5 whose "
            "words are tied, t5-small to t5-11b"
        )
    pairs = (
        ("width", loaded.d_model, config.width),
        ("layers", loaded.num_layers, config.layers),
        ("layers", loaded.num_decoder_layers, config.layers),
        ("heads", loaded.num_heads, config.heads),
        ("ff", loaded.d_ff, config.ff),
    )
    for field, has, asked in pairs:
        if has != asked:
            raise DoesNotFit(f"weights {name!r} have {field} {has}, not {asked}")
    for field in ("pad_token_id", "decoder_start_token_id"):
        if getattr(loaded, field, None) not in (None, spec.pad_id):
            raise DoesNotFit(
                f"weights {name!r} have {field} {getattr(loaded, field)}, the tokenizer's [PAD] is "
                f"{spec.pad_id}: take both from one source"
            )
    if not spec.vocab_size <= loaded.vocab_size < spec.vocab_size + _PADDED_TO:
        raise DoesNotFit(
            f"weights {name!r} have {loaded.vocab_size} words, the tokenizer {spec.vocab_size}: "
            "take both from one source"
        )
