"""By what runs of one configuration are known in MLflow."""

from __future__ import annotations

from ..config import RunConfig
from ..storage.identity import digest

_DIGITS = 8
# What runs that are averaged differ in, and where the data lie.
_UNSAID = ("run.seed", "stream.order", "stream.data")


def configuration_key(config: RunConfig) -> str:
    """The configuration but for its seed, its stream's order and the place of its data, as eight
    hexadecimal digits. MLflow groups runs by it.
    """
    return digest({key: value for key, value in config.flat().items() if key not in _UNSAID})[:_DIGITS]
