"""Pictures as a CLIP's image encoder wants them."""

from __future__ import annotations

import torch
from open_clip.transform import PreprocessCfg
from torch import Tensor
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2.functional import normalize, resize


def prepare(image: Tensor, how: PreprocessCfg) -> Tensor:
    """uint8 (B, 3, S, S) -> float32 (B, 3, T, T): resized to the encoder's T, where S is another, and
    normalised, on the device of ``image``. The numbers do not depend on it.

    ``how``: open_clip's, of which size, interpolation (antialiased), mean and standard deviation count.
    """
    size = [how.size, how.size] if isinstance(how.size, int) else list(how.size)
    if list(image.shape[-2:]) != size:
        # A CPU resizes bytes in fixed point, a GPU in float32. All is resized by the CPU, so that a picture
        # has one feature wherever it is encoded; a stream that reads pictures at size T is spared this.
        mode = InterpolationMode(how.interpolation)
        image = resize(image.cpu(), size, interpolation=mode, antialias=True).to(image.device)
    return normalize(image.to(torch.float32) / 255, list(how.mean), list(how.std))
