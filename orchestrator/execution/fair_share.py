"""Decides how sweeps share a cluster. They give up lanes, and take them, between two trials."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

_POLITE = 60.0  # seconds for which a sweep leaves the lane that it gave up to a sweep that has none


@dataclass(frozen=True)
class SweepShare:
    """A sweep's lanes on a cluster.

    Attributes:
        up: How many of its lanes are up.
        waiting: How many of its lanes have work and wait for room.
    """

    up: int
    waiting: int


def gives(own: SweepShare, others: Iterable[SweepShare], used: bool = True) -> bool:
    """Whether a sweep gives up a lane that holds no trial.

    It does where another sweep waits that has no lane, or at least two fewer than this one.

    Args:
        own: This sweep.
        others: The other sweeps.
        used: Whether the lane has run a trial since it came up. A lane that has not is given up only to a
            sweep with at least two fewer. Otherwise it would go back and forth between two sweeps without a
            trial in between.
    """
    return any(o.waiting and own.up and ((used and not o.up) or own.up - o.up >= 2) for o in others)


def may_take(own: SweepShare, others: Iterable[SweepShare]) -> bool:
    """Whether a sweep may ask again for a lane that it gave up: every other sweep that waits must have more
    lanes than this one would.
    """
    return all(not o.waiting or o.up > own.up + own.waiting for o in others)


class LaneGifts:
    """Decides on one sweep's lanes. The decisions depend on the lane that the sweep gave up last.

    A lane that is given up takes many seconds to come up elsewhere. Until then the sweep does not give up a
    second one. Ray serves requests in order, so that another lane of this sweep that waits for room may come
    up instead. That lane is given up as well.

    Args:
        clock: Gives the time in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._gave = float("-inf")
        self._left = 0
        self._others_had = 0

    def leaves(self, own: SweepShare, others: Collection[SweepShare], used: bool) -> bool:
        """Whether a lane that is up and holds no trial is given up now.

        Args:
            own: This sweep, with that lane.
            others: The other sweeps.
            used: As for :func:`gives`.
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
