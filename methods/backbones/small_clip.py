"""The CLIP that comes with the package."""

from __future__ import annotations

from pathlib import Path

from open_clip import CLIP, SimpleTokenizer
from open_clip.transform import PreprocessCfg

from .config import CLIP_MERGES

_FILES = Path(__file__).parent / "weights"

WEIGHTS = _FILES / "small_clip.safetensors"
"""Half-precision weights, trained on the generated world by ``python -m orchestrator.pretrain clip``."""

MERGES = CLIP_MERGES
"""Its tokenizer's; any language is read, byte by byte at worst."""

SMALL = {
    "embed_dim": 128,
    "vision_cfg": {"image_size": 64, "layers": (1, 1, 1, 1), "width": 16, "head_width": 16},
    "text_cfg": {"context_length": 32, "vocab_size": 2562, "width": 64, "heads": 2, "layers": 2},
}
"""Its architecture, as open_clip writes down that of its models: CLIP's residual network, one block a stage,
since minutes on one core teach it twice what they teach a vision transformer of its cost."""

PREPROCESS = PreprocessCfg(size=SMALL["vision_cfg"]["image_size"])
"""How its pictures are resized and normalised: as CLIP's."""


def build_small_clip() -> tuple[CLIP, SimpleTokenizer]:
    """The model, its weights drawn from torch's global generator, and its tokenizer."""
    tokenizer = SimpleTokenizer(bpe_path=str(MERGES), context_length=SMALL["text_cfg"]["context_length"])
    return CLIP(**SMALL), tokenizer
