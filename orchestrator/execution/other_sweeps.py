"""The other sweeps on a cluster."""

from __future__ import annotations

from typing import Any

from .calls import ask
from .throttle import Throttle

_PATIENCE = 3.0  # seconds


class OtherSweeps:
    """Tells a sweep's dispatcher what the other sweeps have of the cluster.

    Ray must have been joined.

    Args:
        dispatcher: The sweep's dispatcher.
        namespace: The namespace of the named actors that are the dispatchers of all sweeps.
    """

    def __init__(self, dispatcher: Any, namespace: str) -> None:
        self._dispatcher = dispatcher
        self._namespace = namespace
        self._due = Throttle(3.0)
        self.found = 0
        """How many others there were when last looked."""

    def look(self) -> None:
        """Asks the other sweeps, every few seconds at most. A sweep that does not answer counts as gone."""
        import ray
        from ray.exceptions import GetTimeoutError, RayActorError

        if not self._due():
            return
        shares = []
        for entry in ray.util.list_named_actors(all_namespaces=True):
            if entry["namespace"] != self._namespace:
                continue
            try:
                actor = ray.get_actor(entry["name"], self._namespace)
                if actor._actor_id != self._dispatcher._actor_id:
                    shares.append(ray.get(actor.standing.remote(), timeout=_PATIENCE))
            except (ValueError, RayActorError, GetTimeoutError):
                continue
        self.found = len(shares)
        ask(self._dispatcher, "other_sweeps", shares)
