"""Notices that a machine's memory is full and Ray ends one worker after another."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress

import psutil

from .ray_address import ray_address
from .ray_private import ended_for_memory
from .ray_watch import RayLost
from .throttle import Throttle

_GIB = 2**30
_ENDED = 3  # workers that may be ended while no task is finished
_SHOWN = 3  # processes that are named
_THRESHOLD = "RAY_memory_usage_threshold"


class MemoryWatch:
    """Counts the workers of this job that Ray ended because their node's memory was full.

    A single one may be a trial's doing, and the trial fails by itself. Several in succession, without a
    finished task in between, are not.

    Args:
        done: Gives how many tasks are finished.
    """

    def __init__(self, done: Callable[[], int]) -> None:
        self._done = done
        self._at, self._ended = 0, 0
        self._due = Throttle(2.0)

    def look(self) -> None:
        """Counts, every two seconds at most.

        Raises:
            RayLost: The run cannot continue usefully. The message is one line.
        """
        if not self._due():
            return
        ended = _ended()
        if (done := self._done()) > self._at:
            self._at, self._ended = done, ended
        if (more := ended - self._ended) >= _ENDED:
            raise RayLost(memory_line(more))


def _ended() -> int:
    import ray

    return ended_for_memory(ray.get_runtime_context().get_job_id())


def memory_line(ended: int) -> str:
    """One line on a full machine, where Ray has ended ``ended`` workers. If it is this machine, the line says
    how much memory is in use, and by which processes.
    """
    if ray_address() is not None:  # a cluster's, where any machine may be meant
        return (
            f"memory: Ray ended {ended} of the job's workers since the last finished task, whose machines "
            "were full; allowed: less at once (--concurrent), or less beside it"
        )
    memory = psutil.virtual_memory()
    users = []
    for process in psutil.process_iter(["name", "memory_info"]):
        with suppress(AttributeError):  # another user's process, of which nothing can be seen
            users.append((process.info["memory_info"].rss, process.info["name"], process.pid))
    most = ", ".join(
        f"{name} {rss / _GIB:.1f} (pid {pid})" for rss, name, pid in sorted(users)[: -_SHOWN - 1 : -1]
    )
    used = f"{(memory.total - memory.available) / _GIB:.1f} of {memory.total / _GIB:.1f} GiB"
    threshold = os.environ.get(_THRESHOLD, "0.95")
    return (
        f"memory: {used} of this machine are in use, most by {most}; above a share of {threshold} Ray ends "
        f"workers, {ended} of them since the last finished task; allowed: less at once (--concurrent), or "
        "less beside it"
    )
