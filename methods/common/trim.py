"""Token rows without the padding that a whole batch shares."""

from __future__ import annotations

import torch
from torch import Tensor


def last_tokens(tokens: Tensor, pad_id: int) -> Tensor:
    """int64 (B,): how many columns of each row of ``tokens`` (B, L) lie before the padding at its end."""
    place = torch.arange(1, tokens.shape[1] + 1, device=tokens.device)
    return ((tokens != pad_id) * place).amax(1)


def trimmed(tokens: Tensor, pad_id: int) -> Tensor:
    """``tokens`` (B, L) up to the end of the longest row."""
    return tokens[:, : int(last_tokens(tokens, pad_id).max())] if tokens.numel() else tokens
