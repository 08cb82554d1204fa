"""The span of each split in the arrays of all splits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

SplitKey = tuple[int, str]
"""A task's index and a split's name."""


def split_spans(sizes: Sequence[Mapping[str, int]]) -> dict[SplitKey, tuple[int, int]]:
    """The begin and end of each split, in order.

    The training splits of all tasks come first, so that a global training row is also a row of the arrays.
    The other splits follow.

    Args:
        sizes: The samples of each split, task by task.
    """
    order = [(index, "train") for index in range(len(sizes))]
    order += [(index, name) for index, splits in enumerate(sizes) for name in splits if name != "train"]
    ends = np.cumsum([sizes[index][name] for index, name in order]).tolist()
    return dict(zip(order, zip([0, *ends[:-1]], ends, strict=True), strict=True))
