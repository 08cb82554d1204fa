"""Measures how much a linear head can read off frozen features."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy


def linear_probe(feature: Tensor, label: Tensor, test_feature: Tensor, test_label: Tensor) -> float:
    """Fits softmax regression on standardised features, by Adam on all of them at once.

    Args:
        feature: (N, D), to fit on.
        label: int64 (N,), classes from 0.
        test_feature: (M, D).
        test_label: int64 (M,).

    Returns:
        The test accuracy, in 0 .. 1.
    """
    mean, std = feature.mean(0), feature.std(0) + 1e-6
    classes = int(label.max()) + 1
    weight = torch.zeros(feature.shape[1], classes, requires_grad=True)
    bias = torch.zeros(classes, requires_grad=True)
    optimizer = torch.optim.AdamW([weight, bias], lr=0.02, weight_decay=0.01)
    for _ in range(300):
        optimizer.zero_grad()
        cross_entropy((feature - mean) / std @ weight + bias, label).backward()
        optimizer.step()
    with torch.no_grad():
        guess = ((test_feature - mean) / std @ weight + bias).argmax(1)
    return float((guess == test_label).float().mean())
