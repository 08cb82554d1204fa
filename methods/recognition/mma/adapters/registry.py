"""The table of variants."""

from __future__ import annotations

from .adapter import Adapter
from .clip_adapter import ClipAdapter
from .linear import LinearAdapter
from .multimodal import ImageMultiModalAdapter, MultiModalAdapter
from .pair_mlp import PairAdapter, PairMLP
from .transformer import DownscaledAdapter, HypernetworkAdapter, TransformerAdapter

ADAPTERS: dict[str, type[Adapter]] = {
    "clip_transformer_adapter_text": MultiModalAdapter,
    "clip_transformer_adapter": ImageMultiModalAdapter,
    "clip_transformer": TransformerAdapter,
    "clip_transformer_downscaled": DownscaledAdapter,
    "clip_transformer_w_hypernet": HypernetworkAdapter,
    "clip_mm_mlp": PairMLP,
    "clip_mm_mlp_adapter": PairAdapter,
    "clip_adapter": ClipAdapter,
    "clip_linear": LinearAdapter,
    "clip_base": Adapter,
}
"""The variant for each of the released code's keys."""
