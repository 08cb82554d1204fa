"""Topology preservation: the student keeps the similarities that the previous task's model has."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

_SUPPRESSED = -1000.0  # the released code's value, set before the division by the temperature


def topology_divergence(
    query: Tensor,
    keys: Tensor,
    reference_query: Tensor,
    reference_keys: Tensor,
    temperature: float,
    own: int | None = None,
) -> Tensor:
    """Computes KL(softmax(reference similarity / t) || softmax(current similarity / t)), the mean over
    queries.

    This is the cross-modal and same-modal topology preservation of CTP (Zhu et al., ICCV 2023). The mean of
    the ranks' values is the global batch's.

    Args:
        query: (B, D), unit rows.
        keys: (K, D), unit rows.
        reference_query: (B, D), unit rows of the reference model, without gradient.
        reference_keys: (K, D), likewise.
        temperature: t.
        own: Where queries and keys are the same samples, query b is key ``own + b``, and its similarity to
            itself is suppressed in both models. None: no similarity is suppressed.
    """
    current = query @ keys.T
    reference = reference_query @ reference_keys.T
    if own is not None:
        itself = torch.zeros_like(current, dtype=torch.bool)
        itself[:, own : own + len(query)].fill_diagonal_(True)
        current = current.masked_fill(itself, _SUPPRESSED)
        reference = reference.masked_fill(itself, _SUPPRESSED)
    return F.kl_div(
        (current / temperature).log_softmax(-1),
        (reference / temperature).log_softmax(-1),
        reduction="batchmean",
        log_target=True,
    )
