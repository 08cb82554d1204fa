"""A forward pass in micro-batches, whose gradient is that of the whole batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint


class _Splittable(Protocol):
    def split(self, size: int) -> Sequence[Any]: ...


def in_micro_batches(
    function: Callable[..., tuple[Tensor | None, ...]],
    size: int,
    rows: Tensor,
    *others: _Splittable | None,
) -> tuple[Any, ...]:
    """Returns what ``function`` gives for a batch, computed ``size`` samples at a time.

    The results hold all samples, so that a loss between samples sees the whole batch. The activations of a
    micro-batch are dropped after its forward pass. The backward pass computes them again, with the random
    numbers that the micro-batch drew, one micro-batch after the other. This is GradCache (Gao et al.,
    RepL4NLP 2021): the memory is that of one micro-batch, and the price one more forward pass.

    ``function`` must treat each sample by itself. Batch normalisation would see one micro-batch at a time,
    and would take it into its running statistics twice.

    Args:
        function: Takes parts of ``rows`` and ``others``, and returns tensors whose first axes follow the
            samples, or None.
        size: Samples of a micro-batch, of which the last may have fewer. 0: all samples at once, and none of
            this happens.
        rows: (B, ...), an input with a row for each sample.
        others: More inputs, whose ``split(size)`` gives the parts of all micro-batches; None has no parts.

    Returns:
        The results of all micro-batches, joined along the first axis.
    """
    if not 0 < size < len(rows):
        return function(rows, *others)
    first = rows.split(size)
    parts = zip(first, *([None] * len(first) if x is None else x.split(size) for x in others), strict=True)
    # Not the reentrant kind: DistributedDataParallel must see each parameter's gradient once.
    found = [checkpoint(function, *part, use_reentrant=False) for part in parts]
    return tuple(None if values[0] is None else torch.cat(values) for values in zip(*found, strict=True))
