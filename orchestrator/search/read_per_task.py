"""Reads what the protocol ``per-task`` chooses from a search space's file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

from ..per_task import PerTask
from ..schema.config_error import ConfigError
from ..schema.scalars import is_number
from ..schema.typed_values import construct
from .parameter import Parameter

_SECTION = "per_task"


def read_per_task(
    content: Mapping[str, Any],
    parameters: Sequence[Parameter],
    fixed: Mapping[str, Any],
    fail: Callable[[str, str], NoReturn],
) -> PerTask | None:
    """Reads the section ``per_task``.

    Args:
        content: The file's content.
        parameters: What the file searches.
        fixed: Dotted key -> value of what it fixes.
        fail: ``fail(dotted key, problem)`` raises the error, which names file and line.

    Returns:
        What it says; None where the file has no such section.
    """
    if _SECTION not in content:
        return None
    values = content[_SECTION]
    if not isinstance(values, Mapping):
        fail(_SECTION, f"expected a mapping with learning_rate and strength, found {values!r}")
    try:
        plan: PerTask = construct(PerTask, values, _SECTION, None)
    except ConfigError as error:
        fail(error.key, error.problem)
    ends = {p.key: p.ends for p in parameters} | {key: (value,) for key, value in fixed.items()}
    known = [key for key, of in ends.items() if key.startswith("method.") and all(map(is_number, of))]
    for name, keys in (("learning_rate", (plan.learning_rate,)), ("strength", plan.strength)):
        for key in keys:
            if key not in known:
                allowed = ", ".join(known) or "none of this file"
                fail(f"{_SECTION}.{name}", f"{key!r}: allowed are numbers of method.*: {allowed}")
    return plan
