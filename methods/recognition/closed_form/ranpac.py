"""RanPAC: ridge regression on random features of pictures."""

from __future__ import annotations

from dataclasses import dataclass, field

from ...backbones.clip_config import ClipConfig
from ...common.closed_form.random_ridge import RandomRidge, RandomRidgeConfig
from .base import ClosedForm


@dataclass(frozen=True)
class RanPACConfig(RandomRidgeConfig):
    """Hyper-parameters of RanPAC."""

    backbone: ClipConfig = field(default_factory=ClipConfig)
    """The CLIP whose features are projected."""


class RanPAC(RandomRidge, ClosedForm):
    """RanPAC on the frozen features."""

    Config = RanPACConfig
