"""The key by which MLflow groups runs of one configuration."""

from __future__ import annotations

from ..config import RunConfig
from ..storage.identity import digest

_DIGITS = 8
# Keys in which averaged runs differ, and the place of the data.
_UNSAID = ("run.seed", "stream.order", "stream.data")


def configuration_key(config: RunConfig) -> str:
    """A hash of the configuration without its seed, its stream's order and the place of its data: eight
    hexadecimal digits. MLflow groups runs by it.
    """
    return digest({key: value for key, value in config.flat().items() if key not in _UNSAID})[:_DIGITS]
