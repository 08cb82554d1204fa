"""Makes every device give the same numbers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def full_precision() -> Iterator[None]:
    """Computes float32 products in float32 within the block.

    On a GPU torch would take TF32 for convolutions, which keeps no more bits of each factor than float16
    does. Features that are kept as float16 equal those of the CPU within that rounding, so that features of
    both lie under one key. The switches belong to the process; their earlier values come back at the end.
    """
    kinds = torch.backends.cudnn.conv, torch.backends.cuda.matmul
    before = [kind.fp32_precision for kind in kinds]
    try:
        for kind in kinds:
            kind.fp32_precision = "ieee"
        yield
    finally:
        for kind, precision in zip(kinds, before, strict=True):
            kind.fp32_precision = precision
