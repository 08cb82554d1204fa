"""Cuts the padding off token rows that a whole batch shares."""

from __future__ import annotations

import torch
from torch import Tensor


def last_tokens(tokens: Tensor, pad_id: int) -> Tensor:
    """Returns how many columns of each row lie before the padding at its end.

    Args:
        tokens: (B, L).
        pad_id: The id of [PAD].

    Returns:
        int64 (B,).
    """
    position = torch.arange(1, tokens.shape[1] + 1, device=tokens.device)
    return ((tokens != pad_id) * position).amax(1)


def trimmed(tokens: Tensor, pad_id: int) -> Tensor:
    """Returns the rows ``tokens`` (B, L) up to the end of the longest.

    Args:
        tokens: (B, L).
        pad_id: The id of [PAD].
    """
    return tokens[:, : int(last_tokens(tokens, pad_id).max())] if tokens.numel() else tokens
