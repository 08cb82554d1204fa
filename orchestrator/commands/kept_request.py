"""Reads the request in a run's folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..schema import strict_yaml


def read_request(
    path: Path, kinds: Mapping[str, type], later: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Reads the request in a file.

    Args:
        path: The file, a YAML mapping.
        kinds: Each key of the request -> the type of its value, which may also be null.
        later: Keys that earlier versions did not write -> the values that they have where they are missing.

    Returns:
        Key -> value.

    Raises:
        UserError: The file is no YAML, has another key, lacks a key, or has a value of another type. The
            message is one line.
    """
    request, _ = strict_yaml.read(path)
    if isinstance(request, Mapping):
        request = {**(later or {}), **request}
    if not isinstance(request, Mapping) or set(request) != set(kinds):
        raise UserError(f"{path}: is not what a run was asked for; allowed are the keys {', '.join(kinds)}")
    for key, kind in kinds.items():
        if request[key] is not None and type(request[key]) is not kind:
            raise UserError(f"{path}: {key} is {str(request[key])[:60]!r}; allowed: {kind.__name__}, or null")
    return dict(request)
