"""What a lane asks Ray for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LaneResources:
    """What one lane asks for. ``cpus`` and ``gpus`` are per worker; a fraction of a GPU needs ``workers`` =
    1.
    """

    workers: int = 1
    cpus: float = 1
    gpus: float = 0
