"""The base configuration of a search space."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..config import RunConfig
from ..schema.config_error import ConfigError
from ..schema.scalars import Scalar
from .space_file import SpaceFile


def base_config(
    file: SpaceFile, fixed: Mapping[str, Any], start: Mapping[str, Scalar], given: Mapping[str, Any]
) -> RunConfig:
    """The configuration of all trials without the searched values.

    Args:
        file: The search space's file.
        fixed: Dotted key -> value that the file fixes.
        start: The values of its start that are searched in every trial.
        given: Values of the stream from the command line. They win over the file.

    Raises:
        ConfigError: A value is not accepted. The message names its place.
    """
    try:
        return RunConfig.from_dict({**fixed, **start, "method.name": file.method, **given})
    except ConfigError as error:
        if error.key in given:
            raise ConfigError(error.key, error.problem, "--set") from None
        if error.key.startswith("stream") and error.key not in fixed:
            raise
        file.fail(f"{'start' if error.key in start else 'fixed'}.{error.key}", error.problem)
