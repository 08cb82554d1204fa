"""Reports that the object store could not hold all that was put there."""

from __future__ import annotations

from collections.abc import Callable

from .ray_private import spilled_bytes
from .throttle import Throttle

_MIB = 2**20


class SpillMonitor:
    """Watches the object stores of all nodes.

    Ray moves to disk what the stores cannot hold, and reads it from there more slowly. The user is told when
    that begins, and each time that the amount has doubled.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._told = 0
        self._due = Throttle(10.0)

    def look(self) -> None:
        """Checks, every ten seconds at most."""
        if not self._due():
            return
        spilled = _spilled_bytes()
        if spilled >= max(_MIB, 2 * self._told):
            self._told = spilled
            self._say(
                f"the object store is full: {spilled / _MIB:.0f} MiB were moved to disk; the sweep goes on, "
                "more slowly (run.stream_in=disk keeps pictures out of it)"
            )


def _spilled_bytes() -> int:
    import ray

    alive = [node for node in ray.nodes() if node["Alive"]]
    return sum(spilled_bytes(node["NodeManagerAddress"], node["NodeManagerPort"]) for node in alive)
