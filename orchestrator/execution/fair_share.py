"""How sweeps on one cluster share it: by lanes, given up and taken between two trials."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

_POLITE = 60.0  # seconds that a sweep leaves the lane it gave up to another one that has none


@dataclass(frozen=True)
class SweepShare:
    """What a sweep has of a cluster: lanes that are ``up``, and lanes that have work and are ``waiting`` for
    room.
    """

    up: int
    waiting: int


def gives(own: SweepShare, others: Iterable[SweepShare], used: bool = True) -> bool:
    """Whether a sweep gives up a lane that holds no trial: another sweep waits that has none, or has at least
    two fewer.

    ``used``: the lane has run a trial since it came up. One that has not is given up only to a sweep with at
    least two fewer: it would go to and fro between two sweeps otherwise, without a trial in between.
    """
    return any(o.waiting and own.up and ((used and not o.up) or own.up - o.up >= 2) for o in others)


def may_take(own: SweepShare, others: Iterable[SweepShare]) -> bool:
    """Whether a sweep may ask again for a lane that it gave up: all that wait have more."""
    return all(not o.waiting or o.up > own.up + own.waiting for o in others)


class LaneGifts:
    """One sweep's decisions about its lanes, which depend on the lane that it gave up last.

    A lane that is given up comes up elsewhere after many seconds. Until then no second one is given up. A
    lane of the sweep's own that has been waiting for room may come up in its place, as Ray serves whoever
    asked first: that one is given up as well. ``clock``: seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._gave = float("-inf")
        self._left = 0
        self._others_had = 0

    def leaves(self, own: SweepShare, others: Collection[SweepShare], used: bool) -> bool:
        """Whether a lane that is up and holds no trial is given up now; it is counted in ``own``. ``used`` as
        :func:`gives` says.
        """
        if self._under_way(others):
            return not used and own.up > self._left and any(o.waiting for o in others)
        if not gives(own, others, used):
            return False
        self._gave, self._left, self._others_had = self._clock(), own.up - 1, _had(others)
        return True

    def may_ask(self, own: SweepShare, others: Collection[SweepShare]) -> bool:
        """Whether a lane that was given up may ask for room again."""
        if self._recent() and any(o.waiting and not o.up for o in others):
            return False
        return may_take(own, others)

    def _recent(self) -> bool:
        return self._clock() - self._gave < _POLITE

    def _under_way(self, others: Collection[SweepShare]) -> bool:
        return self._recent() and _had(others) <= self._others_had


def _had(others: Iterable[SweepShare]) -> int:
    return sum(other.up for other in others)
