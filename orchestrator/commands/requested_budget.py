"""The budget that a user asks for in the place of a number of trials."""

from __future__ import annotations

from typing import Any

from ..errors import UserError
from ..search.budget import Budget


def requested_budget(trials: Any, time: Any, gpu_hours: Any) -> Budget | None:
    """What the trials of a search may spend; None: no budget was given.

    Args:
        trials: How many trials there are to be; None: no number was given.
        time: ``30m``, ``2h`` or ``1.5h``; None: no time was given.
        gpu_hours: A number of GPU-hours above 0; None: none was given.

    Raises:
        UserError: More than one of them was given, or one has another form. The message is one line.
    """
    given = {"--trials": trials, "--time": time, "--gpu-hours": gpu_hours}
    if len(said := [name for name, value in given.items() if value is not None]) > 1:
        raise UserError(f"{said[0]} {given[said[0]]} beside {said[1]}: allowed is one of the two")
    if time is not None:
        return Budget.time(time, "--time")
    return None if gpu_hours is None else Budget.gpu_hours(gpu_hours, "--gpu-hours")
