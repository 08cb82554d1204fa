"""The same numbers from every device."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def full_precision() -> Iterator[None]:
    """float32 products as float32 has them: on a GPU torch would take TF32 for convolutions, which keeps no
    more bits of each factor than float16 does.

    Features that are kept as float16 are then those of the CPU within that rounding, so that both lie under
    one key. The switches are the process's; what they were comes back.
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
