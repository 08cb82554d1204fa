"""A scheduler with its options, as the command line has it."""

from __future__ import annotations

from typing import Any, NoReturn

from ..errors import UserError
from ..schema import strict_yaml
from ..search.scheduler_choice import SchedulerChoice


def scheduler_option(text: str) -> SchedulerChoice:
    """Reads a scheduler as ``--scheduler`` takes it: ``NAME``, or ``NAME:OPTION=VALUE,...``.

    Raises:
        UserError: There is no such scheduler or option, or an option is given twice or has no value. The
            message is one line.
    """

    def fail(key: str, problem: str) -> NoReturn:
        raise UserError(f"--scheduler {text}: {f'{key}: ' * bool(key)}{problem}")

    name, _, options = text.partition(":")
    values: dict[str, Any] = {"name": name}
    for option in filter(None, options.split(",")):
        key, equals, value = option.partition("=")
        if not equals:
            fail(key, "no value; allowed is OPTION=VALUE")
        if key in values:
            fail(key, "is given already; allowed is each option once, and the rule's name first")
        values[key], _ = strict_yaml.parse(value, f"--scheduler {text}")
    return SchedulerChoice.parse(values if options else name, fail)
