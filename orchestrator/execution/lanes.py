"""All lanes of one sweep: their number, their start, which of them are up, their end."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import UserError
from ..run_options import RunOptions
from .calls import ask
from .cluster_resources import cluster_resources
from .placement import lane_resources, lanes_that_fit
from .ray_address import ray_address

if TYPE_CHECKING:
    from .lane import Lane
    from .start_ray import StartedRay

_PATIENCE = 300.0  # seconds until a sweep gives up that no lane comes up,
_LAUNCH = 1800.0  # and where machines have to be made for it first
_END = 60.0  # seconds that lanes may take to end


class Lanes:
    """The lanes of a sweep. Ray must have been joined.

    Args:
        options: The run's options.
        folder: The run's folder.
        wanted: How many lanes are asked for; None: as many as fit.
        at_most: Whether fewer will do where no more fit.
        jobs: How many jobs are to come.
        say: Prints a line of progress.

    Attributes:
        count: How many lanes there are to be.
        store_bytes: The bytes of the smallest object store of the machines that they may be on.

    Raises:
        UserError: No lane, or not all that are asked for, can be placed.
    """

    def __init__(
        self,
        options: RunOptions,
        folder: Path,
        wanted: int | None,
        at_most: bool,
        jobs: int,
        say: Callable[[str], None],
    ) -> None:
        cluster = cluster_resources()
        self._resources = lane_resources(options, cluster.nodes)
        fit = lanes_that_fit(self._resources, cluster.nodes, None if at_most else wanted, jobs)
        if wanted is not None and fit < min(wanted, jobs):
            say(f"{fit} of {wanted} lane(s) fit here")
        self.count = min(fit, wanted or fit)
        sizes = [node["object_store_memory"] for node in cluster.nodes if "object_store_memory" in node]
        self.store_bytes = int(min(sizes, default=0))
        self._possible = len(cluster.possible)
        self._patience = _LAUNCH if self._possible else _PATIENCE
        self._folder = folder
        self._say = say
        self._threads: list[Lane] = []
        self._began = time.monotonic()
        self._up: set[int] = set()
        self._complaints = 1

    def start(self, dispatcher: Any, started: StartedRay) -> None:
        """Starts the lanes.

        Args:
            dispatcher: The dispatcher that they ask for work.
            started: The session's Ray.
        """
        from .lane import Lane  # brings Ray Train, which is imported while Ray comes up

        machines = f"; up to {self._possible} machine(s) may come for them" if self._possible else ""
        self._say(f"warming {self.count} lane(s) of {self._resources.workers} worker(s) each{machines}")
        self._began = time.monotonic()
        ask(dispatcher, "expect", self.count)
        for number in range(self.count):
            lane = Lane(number, dispatcher, self._resources, self._folder, started)
            self._threads.append(lane)
            lane.start()

    def look(self, dispatcher: Any, shared: bool) -> None:
        """Says which lanes have come up, and once a minute that none has.

        Args:
            dispatcher: The dispatcher.
            shared: Whether other sweeps were found on the cluster. They are waited for.

        Raises:
            UserError: No lane came up in five minutes, or in half an hour where machines have to be made
                first.
        """
        if len(self._up) == self.count:
            return
        for lane, seconds in lanes_up(dispatcher).items():
            if lane not in self._up:
                self._up.add(lane)
                self._say(f"lane {lane + 1} is up after {seconds:.1f} s")
        waited = time.monotonic() - self._began
        if not self._up and waited > self._patience and not shared:
            why = _why_no_lane(shared)
            raise UserError(f"no lane came up within {self._patience:.0f} s ({why}): ask for less")
        if not self._up and waited > 60 * self._complaints:
            self._complaints += 1
            self._say(f"still no lane after {waited:.0f} s: {_why_no_lane(shared)}")

    @property
    def alive(self) -> bool:
        """Whether a lane has not ended."""
        return any(lane.is_alive() for lane in self._threads)

    def wait(self, dispatcher: Any) -> None:
        """Waits for the lanes to end. Lanes that have nowhere to run would wait for ever: they are left."""
        quiet = time.monotonic()
        while self.alive:
            ask(dispatcher, "drain")  # again: a dispatcher that replaced one that died does not know
            states = ask(dispatcher, "lanes")["states"]
            if any(states.get(n) == "up" for n, lane in enumerate(self._threads) if lane.is_alive()):
                quiet = time.monotonic()
            if time.monotonic() - quiet > _END:
                return
            time.sleep(0.1)


def lanes_up(dispatcher: Any) -> dict[int, float]:
    """Lane -> seconds from its start until its workers were ready, of the lanes that are up."""
    return ask(dispatcher, "lanes")["ready"]


def _why_no_lane(shared: bool) -> str:
    """Why no lane may have come up, where other sweeps are on the cluster (``shared``) or not."""
    if shared:
        return "other sweeps are at work"
    # No other sweep asks a Ray of one's own for anything.
    return "this machine is busy" if ray_address() is None else "its resources may be in use by others"
