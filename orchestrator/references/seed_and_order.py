"""The seed and the order that a reference run shares with what it is compared with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..config import RunConfig
from ..storage.identity import digest

SEED, ORDER = "run.seed", "stream.order"
"""The keys of both."""

_DIGITS = 8  # of a sha256, in the place of a list


@dataclass(frozen=True)
class SeedAndOrder:
    """The seed of the model and the order of the stream.

    Attributes:
        seed: The seed.
        order: The order: ``natural``, a seed, or a list of names or numbers; None: the stream has none.
    """

    seed: int
    order: Any

    @classmethod
    def of(cls, config: RunConfig) -> SeedAndOrder:
        """Those of a configuration."""
        return cls(config.run.seed, config.flat().get(ORDER))

    @property
    def values(self) -> Mapping[str, Any]:
        """Dotted key -> value of both."""
        return {SEED: self.seed} if self.order is None else {SEED: self.seed, ORDER: self.order}

    @property
    def label(self) -> str:
        """What the name of a run has of them: ``pair3`` where both are 3, as in a study; else
        ``seed0-natural``, ``seed0-3``, or in the place of a list the first digits of its sha256.
        """
        if type(self.order) is int and self.order == self.seed:
            return f"pair{self.seed}"
        if self.order is None or isinstance(self.order, str | int):
            return f"seed{self.seed}-{'own' if self.order is None else self.order}"
        return f"seed{self.seed}-{digest(list(self.order))[:_DIGITS]}"
