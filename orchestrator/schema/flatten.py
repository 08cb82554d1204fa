"""Turns nested keys into dotted ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .config_error import ConfigError


def flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Turns nested or dotted keys, or both, into dotted keys.

    Args:
        values: The mapping.
        prefix: The text before each key.

    Returns:
        Dotted keys with values that are no mappings.

    Raises:
        ConfigError: A key is not text, or is given twice.
    """
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if not isinstance(key, str):
            raise ConfigError(f"{prefix}{key}", "a key must be text")
        inner = flatten(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
        for name, leaf in inner.items():
            if name in flat:
                raise ConfigError(name, "the key is given twice, once dotted and once nested")
            flat[name] = leaf
    return flat
