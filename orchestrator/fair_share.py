"""How sweeps on one cluster share it: by lanes, given up and taken between two trials."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Standing:
    """What a sweep has of a cluster: lanes that are ``up``, and lanes that have work and are ``waiting`` for
    room.
    """

    up: int
    waiting: int


def gives(own: Standing, others: Iterable[Standing]) -> bool:
    """Whether a sweep gives up a lane that is between two trials: another one waits that has none, or has at
    least two fewer.
    """
    return any(o.waiting and own.up and (not o.up or own.up - o.up >= 2) for o in others)


def may_take(own: Standing, others: Iterable[Standing]) -> bool:
    """Whether a sweep may ask again for a lane that it gave up: all that wait have more."""
    return all(not o.waiting or o.up > own.up + own.waiting for o in others)
