"""Which lanes of a sweep there are, and what each is at."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

_LOOK = 2.0  # seconds for which what is known of the cluster's nodes is taken to be so


@dataclass
class LaneEntry:
    """``state``: ``starting``, its workers are not there (yet, or any more); ``up``; ``parked``, it was told
    to end and may come back; ``dead``, for good, by ``reason``.

    ``attempt``: which worker group it has, by the name that the group gave itself. ``job``: the id of what it
    holds. ``used``: it has had one since its workers came up; it is not given up
    before, or sweeps would pass it to and fro without a trial in between. ``nodes``: where its workers are.
    ``seconds``: from its first start until its workers were ready; ``joins``: how often they came up;
    ``idle``: how often they did without having taken a job since; ``ends``: how often its Train run ended
    unasked.
    """

    state: Literal["starting", "up", "parked", "dead"] = "starting"
    reason: str = ""
    attempt: str = ""
    job: str | None = None
    used: bool = False
    nodes: frozenset[str] = frozenset()
    seconds: float | None = None
    joins: int = 0
    idle: int = 0
    ends: int = 0


class LaneTable:
    """The lanes by number. ``alive``: the ids of the cluster's living nodes; None: all nodes live."""

    def __init__(self, alive: Callable[[], Iterable[str]] | None = None) -> None:
        self.lanes: dict[int, LaneEntry] = {}
        self._alive = alive
        self._known: frozenset[str] = frozenset()
        self._looked = float("-inf")

    def __getitem__(self, lane: int) -> LaneEntry:
        return self.lanes.setdefault(lane, LaneEntry())

    def count(self, *states: str) -> int:
        """Lanes in one of ``states``."""
        return sum(entry.state in states for entry in self.lanes.values())

    @property
    def all_dead(self) -> bool:
        return bool(self.lanes) and all(entry.state == "dead" for entry in self.lanes.values())

    def held(self) -> list[str]:
        """Ids of the jobs that lanes hold."""
        return [entry.job for entry in self.lanes.values() if entry.job is not None]

    def on_lost_node(self, entry: LaneEntry) -> bool:
        """Whether one of a lane's workers was on a node that is gone."""
        if self._alive is None or not entry.nodes:
            return False
        if time.monotonic() - self._looked > _LOOK:
            self._known, self._looked = frozenset(self._alive()), time.monotonic()
        return not entry.nodes <= self._known

    def release_lost(self) -> list[str]:
        """Takes their jobs from lanes whose node is gone, which wait for another; answers the jobs' ids."""
        released = []
        for entry in self.lanes.values():
            if entry.state == "up" and self.on_lost_node(entry):
                entry.state, entry.nodes = "starting", frozenset()
                if entry.job is not None:
                    released.append(entry.job)
                    entry.job = None
        return released
