"""Streaming linear discriminant analysis of pictures."""

from __future__ import annotations

from dataclasses import dataclass, field

from ...backbones.clip_config import ClipConfig
from ...common.closed_form.discriminant import Discriminant, DiscriminantConfig
from .base import ClosedForm


@dataclass(frozen=True)
class SLDAConfig(DiscriminantConfig):
    """Hyper-parameters of streaming linear discriminant analysis of pictures."""

    backbone: ClipConfig = field(default_factory=ClipConfig)
    """The CLIP whose features are classified."""


class SLDA(Discriminant, ClosedForm):
    """Streaming linear discriminant analysis of the frozen features."""

    Config = SLDAConfig
