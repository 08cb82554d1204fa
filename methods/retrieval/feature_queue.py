"""The queue of past features from which momentum contrast takes its extra negatives."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class FeatureQueue(nn.Module):
    """The last ``size`` momentum features of pictures and of texts (MoCo, He et al., CVPR 2020).

    CTP shares the queue between tasks and never resets it. ``image`` and ``text`` are (size, width) unit
    rows; ``pointer`` (1,) is the row that is overwritten next. A new queue holds random unit rows, drawn from
    a fixed seed so that all ranks hold the same.

    Args:
        size: The number of rows; a queue of 0 rows stays empty.
        width: The width of the features.
    """

    def __init__(self, size: int, width: int) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        for name in ("image", "text"):
            self.register_buffer(name, F.normalize(torch.randn(size, width, generator=generator), dim=1))
        self.register_buffer("pointer", torch.zeros(1, dtype=torch.int64))

    @torch.no_grad()
    def push(self, image: Tensor, text: Tensor) -> None:
        """Overwrites the oldest rows. On several ranks the features are the gathered ones.

        Args:
            image: (B, width), B <= size.
            text: (B, width).
        """
        size = len(self.image)
        if size == 0:
            return
        # Index arithmetic stays on the device, so that the step needs no synchronisation.
        rows = (self.pointer + torch.arange(len(image), device=image.device)) % size
        self.image.index_copy_(0, rows, image.to(self.image.dtype))
        self.text.index_copy_(0, rows, text.to(self.text.dtype))
        self.pointer.copy_((self.pointer + len(image)) % size)
