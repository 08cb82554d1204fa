"""The resources that a lane asks Ray for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LaneResources:
    """The resources of one lane.

    Attributes:
        workers: How many workers it has.
        cpus: CPUs of each worker.
        gpus: GPUs of each worker. A fraction needs ``workers`` = 1.
    """

    workers: int = 1
    cpus: float = 1
    gpus: float = 0
