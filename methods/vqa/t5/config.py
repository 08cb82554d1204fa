"""Configures how large the T5 is, where its weights come from, and what it sees of a picture."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from ...common.checks import check_range

_SIZES: dict[str, dict[str, object]] = {
    "base": {"width": 768, "layers": 12, "heads": 12, "ff": 3072, "dropout": 0.1, "grid": 7},
    # The model is too small to overfit a stream that two cores can train on: dropout would only slow it down.
    "small": {"width": 64, "layers": 2, "heads": 4, "ff": 128, "dropout": 0.0, "grid": 4},
}


@dataclass(frozen=True)
class JointT5Config:
    """A T5 encoder-decoder whose encoder reads words and regions. A value of ``None`` is what ``size``
    says.
    """

    size: Literal["base", "small"] = "base"
    """Sizes by name: ``base``, T5-base, or ``small``, which trains on two cores. Paper: base (VQACL)."""

    weights: str = "random"
    """``random``, or a T5 with tied embeddings by its folder or its name on the Hub. Weights that do not fit
    the sizes are an error. Paper: random (VQACL)."""

    width: int | None = None
    """Width of encoder and decoder, a multiple of ``heads``. Range: at least 1."""

    layers: int | None = None
    """Layers of the encoder, and of the decoder. Range: at least 1."""

    heads: int | None = None
    """Attention heads. Range: at least 1."""

    ff: int | None = None
    """Inner width of a block. Range: at least 1."""

    dropout: float | None = None
    """Dropout of encoder and decoder. Range: at least 0, below 1."""

    grid: int | None = None
    """Pictures that come as pixels are cut into ``grid`` x ``grid`` regions. Range: at least 1."""

    visual_norm: Literal["parts", "sum"] = "parts"
    """How a region's token is normed, in VL-T5's readings: its features and its place each (``parts``), or
    their ``sum``. Released code: parts (VQACL)."""

    visual_order: bool = True
    """Whether the embeddings of the picture's and of the region's number are added to a region's token, as in
    VL-T5. Released code: true (VQACL)."""

    def __post_init__(self) -> None:
        if self.size not in _SIZES:
            raise ValueError(f"size {self.size!r} must be one of {', '.join(_SIZES)}")
        if self.visual_norm not in ("parts", "sum"):
            raise ValueError(f"visual_norm {self.visual_norm!r} must be one of parts, sum")
        full = self.resolved()
        for name in ("width", "layers", "heads", "ff", "grid"):
            check_range(name, getattr(full, name), 1)
        check_range("dropout", full.dropout, 0, 1, open_high=True)
        if full.width % full.heads:
            raise ValueError(f"width {full.width} must be a multiple of heads {full.heads}")

    def resolved(self) -> JointT5Config:
        """Returns the configuration with every None replaced by the value of ``size``."""
        given = {name: value for name, value in asdict(self).items() if value is not None}
        full = object.__new__(JointT5Config)
        for name, value in {**_SIZES[self.size], **given}.items():
            object.__setattr__(full, name, value)
        return full

    def numbers(self, vocabulary: int, regions: int, features: int) -> int:
        """Returns how many numbers the model's weights are.

        Args:
            vocabulary: The tokenizer's words.
            regions: Regions of a picture.
            features: The width of a region's features.
        """
        c: Any = self.resolved()  # nothing of it is None
        w, attention, maps = c.width, 4 * c.width**2, 2 * c.width * c.ff
        # a norm before each part, and one after the last layer; distances in 32 steps, in both towers
        encoder = c.layers * (attention + maps + 2 * w) + w + 32 * c.heads
        decoder = c.layers * (2 * attention + maps + 3 * w) + w + 32 * c.heads
        return int(encoder + decoder + (vocabulary + regions) * w + (features + 5 + 2 + 3) * w)
