"""Checks names of methods and streams that a user gives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from ..errors import UserError
from .config_error import ConfigError, known
from .typed_values import unusable_field


class Registry(Protocol):
    """Classes by name, as ``methods.registry`` and ``streams.registry`` have them."""

    def names(self) -> Sequence[str]: ...

    def outside(self, name: str) -> bool: ...

    def get(self, name: str) -> Any: ...


def registered(name: Any, key: str, registry: Registry, kind: str) -> str:
    """``name`` itself where ``registry`` has its class, as a name or as ``module:Class``.

    Args:
        name: What was given.
        key: The dotted key or the option whose value it is.
        registry: The registry in which it is looked up.
        kind: ``method`` or ``stream``, as errors call it.

    Raises:
        ConfigError: The name is not known, or its class cannot be used.
    """
    if not isinstance(name, str) or ":" not in name:
        if isinstance(name, str) and "." in name and name not in registry.names():
            raise ConfigError(
                key, f"{name!r} is no {kind}; allowed are module:Class, {', '.join(registry.names())}"
            )
        known(name, key, registry.names(), kind)
    try:
        found = registry.get(name)
    except ValueError as error:
        raise ConfigError(key, str(error)) from error
    except UserError as error:
        raise ConfigError(key, str(error).removeprefix(f"{kind} ")) from error
    if registry.outside(name) and (problem := unusable_field(found.Config)):
        raise ConfigError(key, f"{name!r}: {problem}")
    return name
