"""The lanes of a sweep and their states."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

_LOOK = 2.0  # seconds for which knowledge of the cluster's nodes is taken as current


@dataclass
class LaneEntry:
    """The state of one lane.

    Attributes:
        state: ``starting``: its workers are not there, yet or any more. ``up``. ``parked``: it was told to
            end and may come back. ``dead``: it is gone for good, for ``reason``.
        reason: Why it is dead.
        attempt: Its worker group, by the name that the group gave itself.
        job: The id of the job that it holds.
        used: Whether it has had a job since its workers came up. Before that it is not given up, since sweeps
            would pass it back and forth without a trial in between.
        nodes: The nodes that its workers are on.
        seconds: The time from its first start until its workers were ready.
        joins: How often its workers came up.
        idle: How often they came up without taking a job since.
        ends: How often its Train run ended unasked.
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
    """The lanes of a sweep, by number.

    Args:
        alive: Gives the ids of the cluster's living nodes; None: all nodes live.
    """

    def __init__(self, alive: Callable[[], Iterable[str]] | None = None) -> None:
        self.lanes: dict[int, LaneEntry] = {}
        self._alive = alive
        self._known: frozenset[str] = frozenset()
        self._looked = float("-inf")

    def __getitem__(self, lane: int) -> LaneEntry:
        return self.lanes.setdefault(lane, LaneEntry())

    def count(self, *states: str) -> int:
        """How many lanes are in one of ``states``."""
        return sum(entry.state in states for entry in self.lanes.values())

    @property
    def all_dead(self) -> bool:
        return bool(self.lanes) and all(entry.state == "dead" for entry in self.lanes.values())

    def held(self) -> list[str]:
        """The ids of the jobs that lanes hold."""
        return [entry.job for entry in self.lanes.values() if entry.job is not None]

    def on_lost_node(self, entry: LaneEntry) -> bool:
        """Whether one of a lane's workers was on a node that is gone."""
        if self._alive is None or not entry.nodes:
            return False
        if time.monotonic() - self._looked > _LOOK:
            self._known, self._looked = frozenset(self._alive()), time.monotonic()
        return not entry.nodes <= self._known

    def release_lost(self) -> list[str]:
        """Takes the jobs from lanes whose node is gone and which wait for another. Returns the jobs' ids."""
        released = []
        for entry in self.lanes.values():
            if entry.state == "up" and self.on_lost_node(entry):
                entry.state, entry.nodes = "starting", frozenset()
                if entry.job is not None:
                    released.append(entry.job)
                    entry.job = None
        return released
