"""BERT's masking of tokens."""

from __future__ import annotations

import torch
from torch import Tensor

from ...method import InputSpec

IGNORED = -100
"""The label of a token that is not to be predicted."""


def mask_tokens(
    tokens: Tensor, uniform: Tensor, probability: float, spec: InputSpec
) -> tuple[Tensor, Tensor]:
    """Masks tokens for masked language modelling (Devlin et al., 2019).

    A token is selected where the first draw is below ``probability``, unless it is [PAD] or [CLS]; [SEP] can
    be selected, as in ALBEF's and CTP's code. A selected token becomes [MASK] where the second draw is below
    0.8. Otherwise it becomes a uniformly random word (the fourth draw) where the third draw is below 0.5, and
    stays as it is where it is not.

    Args:
        tokens: (B, L).
        uniform: (B, L, 4) in [0, 1), the draws.
        probability: The share of tokens that are selected.
        spec: The tokenizer's special tokens.

    Returns:
        (ids, labels), both (B, L). ``labels`` holds the original id where a token was selected, and
        :data:`IGNORED` elsewhere.
    """
    select, replace, random, word = uniform.unbind(-1)
    selected = (select < probability) & (tokens != spec.pad_id) & (tokens != spec.cls_id)
    labels = torch.where(selected, tokens, IGNORED)
    replaced = selected & (replace < 0.8)
    ids = torch.where(replaced, spec.mask_id, tokens)
    words = (word * spec.vocab_size).long()
    return torch.where(selected & ~replaced & (random < 0.5), words, ids), labels
