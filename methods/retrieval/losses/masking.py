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
    """(ids, labels), both (B, L), of masked language modelling (Devlin et al., 2019).

    ``tokens``: (B, L). ``uniform``: (B, L, 4) in [0, 1), the draws: a token is selected where the first is
    below ``probability``, unless it is [PAD] or [CLS]; [SEP] can be selected, as in ALBEF's and CTP's code. A
    selected token becomes [MASK] where the second is below 0.8, else a uniformly random word (the fourth)
    where the third is below 0.5, else stays. ``labels`` holds the original id where selected, :data:`IGNORED`
    elsewhere.
    """
    select, replace, random, word = uniform.unbind(-1)
    selected = (select < probability) & (tokens != spec.pad_id) & (tokens != spec.cls_id)
    labels = torch.where(selected, tokens, IGNORED)
    replaced = selected & (replace < 0.8)
    ids = torch.where(replaced, spec.mask_id, tokens)
    words = (word * spec.vocab_size).long()
    return torch.where(selected & ~replaced & (random < 0.5), words, ids), labels
