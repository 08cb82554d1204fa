"""Image-text contrast."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ...common.weighted_mean import weighted_mean


def symmetric_contrast(
    image: Tensor,
    text: Tensor,
    image_keys: Tensor,
    text_keys: Tensor,
    temperature: float,
    first: int = 0,
    weight: Tensor | None = None,
) -> Tensor:
    """Computes the mean of the InfoNCE losses of pictures against text keys and of texts against picture
    keys.

    The positive of row b is key ``first + b``; all other keys are its negatives (hard labels: no ALBEF soft
    targets). With the batch itself as keys this is CTP's image-text alignment; with [momentum batch ; queue]
    it is CTP's cross-modal contrast. On several ranks the keys are gathered and ``first`` is rank * B: the
    mean of the ranks' losses is then the global batch's.

    Args:
        image: (B, D), unit rows.
        text: (B, D), unit rows.
        image_keys: (K, D), K >= first + B.
        text_keys: (K, D).
        temperature: Divides the similarities.
        first: The key that is row 0's positive.
        weight: (B,), as of ``Batch.weight``; None: samples weigh alike.
    """
    target = torch.arange(first, first + len(image), device=image.device)
    image_to_text = F.cross_entropy(image @ text_keys.T / temperature, target, reduction="none")
    text_to_image = F.cross_entropy(text @ image_keys.T / temperature, target, reduction="none")
    return weighted_mean((image_to_text + text_to_image) / 2, weight)
