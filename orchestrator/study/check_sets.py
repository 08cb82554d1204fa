"""Checks the ``set`` of a study, a stream or a method for keys that would be ignored or contradict others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import UserError
from .arm import Arm
from .pair import Pair

MEMORY = "replay.size"
"""The key of a memory's size."""

_NAMED = {"method.name": "methods", "stream.name": "streams"}  # key -> where it is said
_DATA = "stream.data"


def check_sets(
    values: Mapping[str, Any], streams: Sequence[Arm], methods: Sequence[Arm], memory: int | None, file: str
) -> None:
    """Checks the values that a study, its streams and its methods set.

    Args:
        values: Dotted key -> value, for all methods and streams.
        streams: The streams.
        methods: The methods.
        memory: The study's memory; None: none is said.
        file: The study's file, for the error.

    Raises:
        UserError: A value would be ignored, or contradicts the rest. The message is one line.
    """
    sets = {
        f"{file}: set": values,
        **{f"{file}: streams.{arm.label}.set": arm.values for arm in streams},
        **{f"{file}: methods.{arm.label}.set": arm.values for arm in methods},
    }
    for where, found in sets.items():
        for key in found:
            if key in _NAMED:
                raise UserError(f"{where}: {key}: cannot be set; allowed: a name under {_NAMED[key]}")
            if key in Pair(1).values:
                raise UserError(f"{where}: {key}: each pair has its own; allowed: without it")
    for arm in methods:
        if alone := [key for key in arm.values if key.startswith("stream.")]:
            raise UserError(
                f"{file}: methods.{arm.label}.set: {alone[0]}: methods are compared on one stream; allowed: "
                "in the set of the study or of a stream"
            )
    for arm in streams:
        if arm.data is not None and _DATA in {**values, **arm.values}:
            raise UserError(
                f"{file}: streams.{arm.label}: data {arm.data} beside set {_DATA}; allowed: one of the two"
            )
    if memory is not None and values.get(MEMORY, memory) != memory:
        raise UserError(
            f"{file}: memory {memory} beside set {MEMORY} {values[MEMORY]!r}; allowed: one of them"
        )
