"""Questions to an actor that may be out of reach for a moment."""

from __future__ import annotations

import time
from typing import Any

_PAUSES = (0.1, 0.5, 2.0, 5.0, 10.0)  # seconds before it is asked again


def ask(actor: Any, method: str, *args: Any) -> Any:
    """What ``actor.method(*args)`` answers. A question may arrive twice: the methods asked like this give the
    same answer then.

    Raises what the actor raised, and Ray's ``ActorUnavailableError`` where it stays out of reach.
    """
    import ray
    from ray.exceptions import ActorUnavailableError

    for pause in _PAUSES:
        try:
            return ray.get(getattr(actor, method).remote(*args))
        except ActorUnavailableError:
            time.sleep(pause)
    return ray.get(getattr(actor, method).remote(*args))
