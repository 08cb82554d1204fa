"""Resources for encoding processes, reserved before one starts."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from ..errors import UserError
from .encoding_plan import PoolPlan
from .throttle import Throttle

_SETTLE = 30.0  # seconds until fewer processes are asked for, because somebody else took some of the room
_MACHINES = 300.0  # the same where machines have to be added
_LAUNCH = 1800.0  # seconds until the wait for a machine is given up
_SAY = 60.0  # seconds between two lines while it waits


@contextmanager
def reserved(plan: PoolPlan, say: Callable[[str], None]) -> Iterator[tuple[PoolPlan, Any]]:
    """Reserves resources for the processes of ``plan``, or for fewer of them.

    Ray reserves all or nothing: where it cannot reserve all, half as many are asked for, and so on. The last
    process waits for as long as others hold the cluster, and says so. The reservation ends with the block,
    and with it whatever runs there.

    Args:
        plan: The plan.
        say: Prints progress.

    Returns:
        The plan with as many processes as were reserved, and Ray's placement group for them.

    Raises:
        UserError: No machine came in half an hour.
    """
    from ray.util import placement_group, remove_placement_group

    began, patience = time.monotonic(), _MACHINES if plan.waits == "machines" else _SETTLE
    if plan.waits == "machines":
        say(f"encoding waits for machines: {plan.processes} process(es) ask for {_asked(plan)} each")
    while True:
        group = placement_group([plan.bundle] * plan.processes)
        try:
            if group.wait(patience) if plan.processes > 1 else _wait_for_one(group, plan, began, say):
                yield plan, group
                return
        finally:
            remove_placement_group(group)
        plan, patience = replace(plan, processes=plan.processes // 2), _SETTLE


def _wait_for_one(group: Any, plan: PoolPlan, began: float, say: Callable[[str], None]) -> bool:
    machines = plan.waits == "machines"
    due = Throttle(_SAY, later=machines)
    while not group.wait(1):
        waited = time.monotonic() - began
        if machines and waited > _LAUNCH:
            raise UserError(
                f"no machine came within {_LAUNCH:.0f} s that an encoding process fits on, which asks for "
                f"{_asked(plan)}; try again, set run.gpus_per_trial=0, or give --no-feature-cache"
            )
        if due():
            why = "no machine came yet" if machines else "others hold the cluster"
            say(f"encoding waits for {_asked(plan)}, after {waited:.0f} s: {why}")
    return True


def _asked(plan: PoolPlan) -> str:
    return " and ".join(f"{amount:g} {kind}" for kind, amount in plan.bundle.items())
