"""Configures how large the T5 is, where its weights come from, and what it sees of a picture."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

from ...common.checks import check_range

_SIZES: dict[str, dict[str, object]] = {
    "base": {"width": 768, "layers": 12, "heads": 12, "ff": 3072, "dropout": 0.1, "grid": 7},
    # The model is too small to overfit a stream that two cores can train on: dropout would only slow it down.
    "small": {"width": 64, "layers": 2, "heads": 4, "ff": 128, "dropout": 0.0, "grid": 4},
}


@dataclass(frozen=True)
class JointT5Config:
    """A T5 encoder-decoder whose encoder reads words and regions. None: as ``size`` says.

    ``size``: ``base``, T5-base, which is VQACL's, or ``small``, which trains on two cores. ``weights``:
    ``random`` (the paper's), or a T5 with tied embeddings by its folder or its name on the Hub. ``width``,
    ``layers`` (of encoder and decoder, each), ``heads``, ``ff`` (inner width of a block): its sizes; a size
    that does not fit the weights is an error. ``dropout``: in [0, 1).

    ``grid``: pictures that come as pixels are cut into ``grid`` x ``grid`` regions. VL-T5's readings of a
    region: ``visual_norm``, features and place are normed each (``parts``) or as a ``sum``;
    ``visual_order``, the embeddings of the picture's and the region's number are added.
    """

    size: Literal["base", "small"] = "base"
    weights: str = "random"
    width: int | None = None
    layers: int | None = None
    heads: int | None = None
    ff: int | None = None
    dropout: float | None = None
    grid: int | None = None
    visual_norm: Literal["parts", "sum"] = "parts"
    visual_order: bool = True

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
