"""Initial weights of new adapters, from the texts of their classes."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor


def language_aware_weights(text: Tensor, statistic: Literal["std", "variance"]) -> Tensor:
    """Weights (2, D, D) of the mean's and the deviation's map (CLAP4CLIP, Sec. 3.4).

    ``text``: (C, T, D), unit text features of the classes in T templates. A^T A / D with A (C, D) the mean
    over the templates, and S^T S / D with S (C, D) their unbiased standard deviation (the paper) or variance
    (the released code). One template has no spread: S is 0 then, where the released code gets NaN.
    """
    width = text.shape[-1]
    mean = text.mean(1)
    if text.shape[1] == 1:
        spread = torch.zeros_like(mean)
    else:
        spread = text.std(1) if statistic == "std" else text.var(1)
    return torch.stack([mean.mT @ mean, spread.mT @ spread]) / width
