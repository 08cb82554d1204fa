"""The queue of past features that momentum contrast takes its extra negatives from."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class FeatureQueue(nn.Module):
    """The last ``size`` momentum features of pictures and of texts (MoCo, He et al., CVPR 2020).

    CTP shares it between tasks and never resets it.

    ``image``, ``text``: (size, width) unit rows; ``pointer``: (1,), the row that is overwritten next. A new
    queue holds random unit rows, drawn from a fixed seed so that all ranks hold the same. ``size`` 0 is a
    queue that stays empty.
    """

    def __init__(self, size: int, width: int) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        for name in ("image", "text"):
            self.register_buffer(name, F.normalize(torch.randn(size, width, generator=generator), dim=1))
        self.register_buffer("pointer", torch.zeros(1, dtype=torch.int64))

    @torch.no_grad()
    def push(self, image: Tensor, text: Tensor) -> None:
        """Overwrites the oldest rows with (B, width) features, B <= size; on several ranks, the gathered."""
        size = len(self.image)
        if size == 0:
            return
        # Index arithmetic stays on the device: no synchronisation in the step.
        rows = (self.pointer + torch.arange(len(image), device=image.device)) % size
        self.image.index_copy_(0, rows, image.to(self.image.dtype))
        self.text.index_copy_(0, rows, text.to(self.text.dtype))
        self.pointer.copy_((self.pointer + len(image)) % size)
