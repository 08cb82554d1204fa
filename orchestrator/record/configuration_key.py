"""The key by which MLflow groups runs of one configuration."""

from __future__ import annotations

from ..config import RunConfig
from ..run_options import CHANGES_NO_NUMBER
from ..storage.identity import digest

_DIGITS = 8
_UNSAID = ("run.seed", "stream.order", *CHANGES_NO_NUMBER)  # in these, averaged runs may differ


def configuration_key(config: RunConfig, content: str) -> str:
    """A hash of what runs that are averaged have in common: eight hexadecimal digits. MLflow groups runs by
    it.

    Args:
        config: A run's configuration. Its seed, its stream's order, where its data lies and what changes no
            number are no part of the key.
        content: The hash of the stream's content, whatever its order.
    """
    said = {key: value for key, value in config.flat().items() if key not in _UNSAID}
    return digest([said, content])[:_DIGITS]
