"""Configures which frozen encoders are prompted."""

from __future__ import annotations

from dataclasses import dataclass

from ...backbones.config import BackboneConfig


@dataclass(frozen=True)
class FrozenBackboneConfig(BackboneConfig):
    """The model of ALBEF, or FLAVA in its place."""

    weights: str | None = None
    """Weights of the whole model. With ``towers`` there are none, and each tower has its own, from
    ``image_weights`` and ``text_weights``. ``world`` is those of size ``world``. Anything else is a file in
    this model's names or ALBEF's. Weights that do not fit the sizes are an error. Paper: ALBEF's."""

    flava: str | None = None
    """A FLAVA by its name on the Hub (``facebook/flava-full``) or by its folder; all other keys of the
    backbone are then without effect. ``None`` is the model that they describe."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.flava is not None and not self.flava.strip():
            raise ValueError("flava '' must be a name on the Hub, a folder, or null")
