"""The nearest class mean of pictures."""

from __future__ import annotations

from dataclasses import dataclass, field

from ...backbones.clip_config import ClipConfig
from ...common.closed_form.nearest_mean import NearestMean
from .base import ClosedForm


@dataclass(frozen=True)
class NearestMeanConfig:
    """The nearest mean has nothing to choose but its ``backbone``."""

    backbone: ClipConfig = field(default_factory=ClipConfig)
    """The CLIP whose features have means."""


class NearestClassMean(NearestMean, ClosedForm):
    """The nearest class mean of the frozen features."""

    Config = NearestMeanConfig
