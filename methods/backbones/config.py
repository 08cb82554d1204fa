"""Configures which encoders there are, how large they are, and where their weights come from."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from ..common.checks import check_range

_FILES = Path(__file__).parent / "weights"

WORLD_WEIGHTS = _FILES / "world_image_text.safetensors"
"""Half-precision weights of size ``world``, trained by ``python -m orchestrator.pretrain image-text``."""

CLIP_WEIGHTS = _FILES / "small_clip.safetensors"
"""Half-precision weights of the CLIP ``small``, trained by ``python -m orchestrator.pretrain clip``."""

CLIP_MERGES = _FILES / "small_clip_merges.txt.gz"
"""The first 2048 merges of CLIP's own byte-pair encoding, of English."""

WORLD_TOKENIZER = _FILES / "world_tokenizer.json"
"""The tokenizer with which those weights were trained."""

_SIZES: dict[str, dict[str, object]] = {
    "base": {
        "image_model": "deit_base_patch16_224",
        "image_weights": "timm",
        "patch_size": 16,
        "image_width": 768,
        "image_depth": 12,
        "image_heads": 12,
        "text_weights": "bert-base-chinese",
        "text_width": 768,
        "text_layers": 12,
        "text_heads": 12,
        "fusion_layer": 6,
        "mlp_ratio": 4,
        "dropout": 0.1,
        "weights": "towers",
    },
    "small": {
        "image_model": "vit_tiny_patch16_224",
        "image_weights": "random",
        "patch_size": 8,
        "image_width": 64,
        "image_depth": 2,
        "image_heads": 2,
        "text_weights": "random",
        "text_width": 64,
        "text_layers": 4,
        "text_heads": 2,
        "fusion_layer": 2,
        "mlp_ratio": 2,
        # The model is too small to overfit a stream that two cores can train on: dropout would only slow it
        # down.
        "dropout": 0.0,
        "weights": "towers",
    },
    "world": {
        "image_model": "vit_tiny_patch16_224",
        "image_weights": "random",
        "patch_size": 8,
        "image_width": 64,
        "image_depth": 6,
        "image_heads": 4,
        "text_weights": "random",
        "text_width": 64,
        "text_layers": 8,
        "text_heads": 4,
        "fusion_layer": 4,
        "mlp_ratio": 2,
        "dropout": 0.0,
        "weights": "world",
    },
}


@dataclass(frozen=True)
class BackboneConfig:
    """A vision transformer, a split BERT, and where their weights come from. A value of ``None`` is what
    ``size`` says.
    """

    size: Literal["base", "small", "world"] = "base"
    """Sizes and weights by name. ``base`` is the CTP paper's: DeiT-B/16 weights, bert-base-chinese split 6/6.
    ``small`` has random weights that train on two cores, for 32-pixel pictures. ``world`` is the architecture
    and the weights that come with the package, pretrained on the generated world; it is ``small`` with
    deeper towers. Paper: base (CTP, and with ALBEF's weights TRIPLET)."""

    image_model: str | None = None
    """A timm vision transformer with a class token, by its name."""

    image_weights: str | None = None
    """Weights of the vision transformer: ``random``, ``timm`` (those that timm publishes for it), or a file.
    Position embeddings are resized to the picture."""

    patch_size: int | None = None
    """Side of a patch, in pixels. Range: at least 1."""

    image_width: int | None = None
    """Width of the image tower, a multiple of ``image_heads`` and equal to ``text_width``. Range: at least
    1."""

    image_depth: int | None = None
    """Layers of the image tower. Range: at least 1."""

    image_heads: int | None = None
    """Attention heads of the image tower. Range: at least 1."""

    text_weights: str | None = None
    """Weights of the text tower: ``random``, or a BERT by its name on the Hub or by its folder. The
    cross-attention, which BERT lacks, starts random."""

    text_width: int | None = None
    """Width of the text tower, a multiple of ``text_heads`` and equal to ``image_width``. Range: at least
    1."""

    text_layers: int | None = None
    """Layers of the text tower, with those that fuse. Range: at least 2."""

    text_heads: int | None = None
    """Attention heads of the text tower. Range: at least 1."""

    fusion_layer: int | None = None
    """The first text layer, from 0, that also attends to the image tokens. Those before it read text alone.
    Range: at least 1, below ``text_layers``."""

    mlp_ratio: int | None = None
    """A block's inner width over its width, in both towers. Range: at least 1."""

    dropout: float | None = None
    """BERT's hidden and attention dropout. Range: at least 0, below 1."""

    weights: str | None = None
    """Weights of the whole model. With ``towers`` there are none, and each tower has its own, from
    ``image_weights`` and ``text_weights``. ``world`` is those of size ``world``. Anything else is a file in
    this model's names or ALBEF's. Weights that do not fit the sizes are an error."""

    attention: Literal["sdpa", "eager"] = "sdpa"
    """How attention is computed: ``sdpa``, PyTorch's fused attention, or ``eager``, products and softmax
    spelled out, as published."""

    def __post_init__(self) -> None:
        if self.size not in _SIZES:
            raise ValueError(f"size {self.size!r} must be one of {', '.join(_SIZES)}")
        if self.attention not in ("sdpa", "eager"):
            raise ValueError(f"attention {self.attention!r} must be one of sdpa, eager")
        full = self.resolved()
        if full.weights != "towers":
            for name in ("image_weights", "text_weights"):
                value = getattr(self, name)
                if value not in (None, "random"):
                    raise ValueError(
                        f"{name} {value!r} has no place beside weights {full.weights!r}, which are the whole "
                        "model's: leave it out, or set weights to towers"
                    )
        for name in (
            "patch_size",
            "image_width",
            "image_depth",
            "image_heads",
            "text_width",
            "text_heads",
            "mlp_ratio",
        ):
            check_range(name, getattr(full, name), 1)
        check_range("text_layers", full.text_layers, 2)
        check_range("fusion_layer", full.fusion_layer, 1, full.text_layers - 1)
        check_range("dropout", full.dropout, 0, 1, open_high=True)
        if full.image_width != full.text_width:
            raise ValueError(f"image_width {full.image_width} must equal text_width {full.text_width}")
        for tower in ("image", "text"):
            width, heads = getattr(full, f"{tower}_width"), getattr(full, f"{tower}_heads")
            if width % heads:
                raise ValueError(f"{tower}_width {width} must be a multiple of {tower}_heads {heads}")

    def resolved(self) -> BackboneConfig:
        """Returns the configuration with every None replaced by the value of ``size``."""
        given = {name: value for name, value in asdict(self).items() if value is not None}
        full = object.__new__(BackboneConfig)
        for name, value in {**_SIZES[self.size], **given}.items():
            object.__setattr__(full, name, value)
        return full

    def numbers(self, image_size: int, vocabulary: int, tokens: int, embed_dim: int) -> int:
        """Returns how many numbers the model's weights are, with those of the words' prediction.

        Args:
            image_size: The side of the pictures, in pixels.
            vocabulary: The tokenizer's words.
            tokens: The length of token rows.
            embed_dim: The width of the space that pictures and texts share.
        """
        c: Any = self.resolved()  # nothing of it is None
        w, patches = c.image_width, (image_size // c.patch_size) ** 2
        # attention, two norms, and the maps between; then patches, position embeddings, class token and a
        # last norm
        block = 4 * (w * w + w) + 4 * w + 2 * c.mlp_ratio * w * w + (c.mlp_ratio + 1) * w
        image = c.image_depth * block + (3 * c.patch_size**2 + 1) * w + (patches + 2) * w + 2 * w
        crossed = (c.text_layers - c.fusion_layer) * (4 * (w * w + w) + 2 * w)
        # embeddings of words, positions and two kinds of segments with a norm; the words' head with its norm
        # and biases
        text = c.text_layers * block + crossed + (vocabulary + tokens + 2 + 2) * w
        return int(image + text + w * w + 3 * w + vocabulary + 2 * (w + 1) * embed_dim)


def init_scale(width: int) -> float:
    """Returns the factor on the initial deviation of 0.02 of BERT and ViT at a width other than 768.

    With this factor a layer's output varies as much as theirs does. With a deviation of 0.02 at width 64, all
    samples start with the same feature, and image-text alignment from random weights stays at chance for a
    hundred steps and more.
    """
    return (768 / width) ** 0.5
