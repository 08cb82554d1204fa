"""Prepares pictures for a CLIP's image encoder."""

from __future__ import annotations

import torch
from open_clip.transform import PreprocessCfg
from torch import Tensor
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2.functional import normalize, resize


def prepare(image: Tensor, how: PreprocessCfg) -> Tensor:
    """Resizes pictures where their side is not the encoder's, and normalises them.

    The result is on the device of ``image``. Its numbers do not depend on the device.

    Args:
        image: uint8 (B, 3, S, S).
        how: open_clip's preprocessing. Its size T, interpolation (antialiased), mean and standard deviation
            count.

    Returns:
        float32 (B, 3, T, T).
    """
    size = [how.size, how.size] if isinstance(how.size, int) else list(how.size)
    if list(image.shape[-2:]) != size:
        # A CPU resizes bytes in fixed point, a GPU in float32. Therefore the CPU resizes everything, and a
        # picture has one feature wherever it is encoded. A stream that reads pictures at size T needs no
        # resizing.
        mode = InterpolationMode(how.interpolation)
        image = resize(image.cpu(), size, interpolation=mode, antialias=True).to(image.device)
    return normalize(image.to(torch.float32) / 255, list(how.mean), list(how.std))
