"""Retrieval by frozen towers alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from torch import Tensor

from ...backbones.pair_config import PairConfig
from ...backbones.pair_encoder import Tower
from ...method import Pass, Phase, Task
from .frozen_pairs import FrozenPairs


@dataclass(frozen=True)
class PairsZeroShotConfig:
    """The only choice is which frozen towers are used."""

    backbone: PairConfig = field(default_factory=PairConfig)
    """The towers that compare pictures and texts."""


class PairsZeroShot(FrozenPairs):
    """Cosines in the space in which the pretrained model compares pictures and texts. Nothing is learnt.

    With towers that were pretrained apart (``size=base``), that space is a random one.
    """

    Config = PairsZeroShotConfig

    def phases(self, task: Task) -> Sequence[Phase | Pass]:
        return []

    def compared(self, rows: Tensor, tower: Tower) -> Tensor:
        (encoder,) = self._held
        return encoder.to(rows.device).compared(rows, tower)
