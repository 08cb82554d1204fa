"""Configures which frozen encoders are prompted."""

from __future__ import annotations

from dataclasses import dataclass

from ...backbones.config import BackboneConfig


@dataclass(frozen=True)
class FrozenBackboneConfig(BackboneConfig):
    """The model of ALBEF, or FLAVA in its place.

    ``flava``: a FLAVA by its name on the Hub (``facebook/flava-full``) or by its folder; all other fields are
    without effect then. None: the model that they describe. The weights that TRIPLET was published with are
    ALBEF's (``weights``, a file).
    """

    flava: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.flava is not None and not self.flava.strip():
            raise ValueError("flava '' must be a name on the Hub, a folder, or null")
