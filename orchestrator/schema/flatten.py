"""Nested keys as dotted ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .config_error import ConfigError


def flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested or dotted keys, or both, as dotted keys -> values that are no mappings."""
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
