"""The T5 itself: random, or pretrained weights with rows for the regions appended to its word table."""

from __future__ import annotations

import os

import torch
from torch import nn
from transformers import AutoConfig, T5Config, T5ForConditionalGeneration
from transformers.utils import logging

from ..method import InputSpec
from .config import JointT5Config

# T5's word tables are padded to a multiple of this.
_PADDED_TO = 128


def make_t5(config: JointT5Config, spec: InputSpec, regions: int) -> T5ForConditionalGeneration:
    """A T5 of ``spec.vocab_size`` words and, behind them, ``regions`` rows for the regions' numbers.

    ``config`` is resolved. [PAD] is also what the decoder starts with, [SEP] ends an answer. Raises
    :class:`ValueError`, in one line, for weights that are not there or do not fit.
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
    old = t5.shared.weight.detach()[: spec.vocab_size]
    words = nn.Embedding(spec.vocab_size + regions, config.width)
    with torch.no_grad():
        # As far apart as the words that the weights' own training left.
        words.weight.normal_(0, old.std().item())[: spec.vocab_size] = old
    t5.set_input_embeddings(words)
    return t5


def _pretrained(config: JointT5Config, spec: InputSpec) -> T5ForConditionalGeneration:
    name = config.weights
    source = os.path.expanduser(name)
    if (os.path.isabs(source) or source.startswith(".")) and not os.path.isdir(source):
        raise ValueError(f"weights {name!r}: no such folder (or say random, or a name on the Hub)")
    verbosity = logging.get_verbosity()
    logging.set_verbosity(logging.CRITICAL)
    try:
        found = AutoConfig.from_pretrained(source)
        _check_sizes(name, found, config, spec)
        t5, loading = T5ForConditionalGeneration.from_pretrained(
            source, dropout_rate=config.dropout, output_loading_info=True
        )
    except _DoesNotFit:
        raise
    except Exception as error:  # transformers, the Hub's client and its transport each raise their own
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise ValueError(
            f"cannot load weights {name!r} (a T5's folder, its name on the Hub, or random): {reason}"
        ) from error
    finally:
        logging.set_verbosity(verbosity)
    if loading["missing_keys"]:
        lacking = sorted(loading["missing_keys"])
        raise ValueError(f"weights {name!r} lack {len(lacking)} of a T5's weights, {lacking[0]} first")
    return t5


class _DoesNotFit(ValueError):
    pass


def _check_sizes(name: str, found: T5Config, config: JointT5Config, spec: InputSpec) -> None:
    if not isinstance(found, T5Config):
        raise _DoesNotFit(f"weights {name!r} are those of a {found.model_type}, not of a T5")
    if not found.scale_decoder_outputs:
        raise _DoesNotFit(
            f"weights {name!r} have an output layer of their own (T5 1.1): allowed are those of a T5 whose "
            "words are tied, t5-small to t5-11b"
        )
    pairs = (
        ("width", found.d_model, config.width),
        ("layers", found.num_layers, config.layers),
        ("layers", found.num_decoder_layers, config.layers),
        ("heads", found.num_heads, config.heads),
        ("ff", found.d_ff, config.ff),
    )
    for field, has, asked in pairs:
        if has != asked:
            raise _DoesNotFit(f"weights {name!r} have {field} {has}, not {asked}")
    if not spec.vocab_size <= found.vocab_size < spec.vocab_size + _PADDED_TO:
        raise _DoesNotFit(
            f"weights {name!r} have {found.vocab_size} words, the tokenizer {spec.vocab_size}: "
            "take both from one place"
        )
