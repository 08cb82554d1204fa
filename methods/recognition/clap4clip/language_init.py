"""Computes initial weights of new adapters from the texts of their classes."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor


def language_aware_weights(text: Tensor, statistic: Literal["std", "variance"]) -> Tensor:
    """Computes the weights of the mean's and the deviation's map (CLAP4CLIP, Sec. 3.4).

    They are A^T A / D and S^T S / D. A (C, D) is the mean over the templates. S (C, D) is the unbiased
    standard deviation over them (the paper) or their variance (the released code). One template has no
    spread: S is then 0, where the released code gets NaN.

    Args:
        text: (C, T, D), unit text features of the classes in T templates.
        statistic: What S is.

    Returns:
        (2, D, D).
    """
    width = text.shape[-1]
    mean = text.mean(1)
    if text.shape[1] == 1:
        spread = torch.zeros_like(mean)
    else:
        spread = text.std(1) if statistic == "std" else text.var(1)
    return torch.stack([mean.mT @ mean, spread.mT @ spread]) / width
