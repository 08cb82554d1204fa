"""The sizes and readings that MMA's adapters share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ....common.checks import check_range


@dataclass(frozen=True)
class AdapterConfig:
    """``ratio``: lambda, the adapter's part where it is blended with the frozen features, in [0, 1].

    ``down_dim``: the width that features are brought down to, >= 1; None: the variant's published one.
    ``rank``: the bottleneck before attention and the hidden width of the MLP after it, >= 1. ``heads``: of
    the attention, >= 1, a divisor of the width that it works in.

    ``mask_mode``: which tokens attend to which. ``blocked``, the paper: a text to the image and the image to
    the texts, and to nothing else, not even itself. ``additive_one``, the released code: all to all, text and
    image with 1 added to their logits (its mask holds ones and is added, where forbidding takes -inf).
    """

    ratio: float = 0.2
    down_dim: int | None = None
    rank: int = 32
    heads: int = 4
    mask_mode: Literal["blocked", "additive_one"] = "blocked"

    def __post_init__(self) -> None:
        check_range("ratio", self.ratio, 0, 1)
        if self.down_dim is not None:
            check_range("down_dim", self.down_dim, 1)
        check_range("rank", self.rank, 1)
        check_range("heads", self.heads, 1)
        if self.mask_mode not in ("blocked", "additive_one"):
            raise ValueError(f"mask_mode {self.mask_mode!r} must be one of blocked, additive_one")
