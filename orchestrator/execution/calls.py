"""Calls to an actor that may be out of reach for a moment."""

from __future__ import annotations

import time
from typing import Any

_PAUSES = (0.1, 0.5, 2.0, 5.0, 10.0)  # seconds before each new attempt


def ask(actor: Any, method: str, *args: Any) -> Any:
    """Calls ``actor.method(*args)`` and returns its answer.

    A call may arrive twice. Methods that are called in this way then give the same answer.

    Raises:
        ActorUnavailableError: The actor stays out of reach. Errors of the actor are raised as they are.
    """
    import ray
    from ray.exceptions import ActorUnavailableError

    for pause in _PAUSES:
        try:
            return ray.get(getattr(actor, method).remote(*args))
        except ActorUnavailableError:
            time.sleep(pause)
    return ray.get(getattr(actor, method).remote(*args))
