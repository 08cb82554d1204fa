"""The sizes and readings that MMA's adapters share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ....common.checks import check_range


@dataclass(frozen=True)
class AdapterConfig:
    """The sizes and readings that MMA's adapters share."""

    ratio: float = 0.2
    """lambda, the adapter's part where it is blended with the frozen features. Range: 0 to 1."""

    down_dim: int | None = None
    """Width that features are brought down to. ``None`` is the variant's published one: 128 of the two
    ``clip_transformer_adapter`` variants, 32 of ``clip_transformer_w_hypernet`` and ``clip_mm_mlp_adapter``,
    16 of ``clip_transformer_downscaled`` and ``clip_mm_mlp``, a quarter of the features' width of
    ``clip_adapter``. Range: at least 1. Paper: 128."""

    rank: int = 32
    """Width of the bottleneck before attention, and of the MLP's hidden layer after it. Range: at least 1."""

    heads: int = 4
    """Heads of the attention, a divisor of the width that it works in. Range: at least 1."""

    mask_mode: Literal["blocked", "additive_one"] = "blocked"
    """Which tokens attend to which. ``blocked``: a text attends to the image and the image to the texts, and
    to nothing else, not even itself. ``additive_one``: all attend to all, and pairs of text and image have 1
    added to their logits; the released code's mask holds ones and is added, where forbidding takes -inf."""

    def __post_init__(self) -> None:
        check_range("ratio", self.ratio, 0, 1)
        if self.down_dim is not None:
            check_range("down_dim", self.down_dim, 1)
        check_range("rank", self.rank, 1)
        check_range("heads", self.heads, 1)
        if self.mask_mode not in ("blocked", "additive_one"):
            raise ValueError(f"mask_mode {self.mask_mode!r} must be one of blocked, additive_one")
