"""The policy of reservoir sampling."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ...seeding import hashed
from .policy import Ranker, TaskRows

if TYPE_CHECKING:
    from ..config import ReplayConfig


def keep_reservoir(
    tasks: Sequence[TaskRows], config: ReplayConfig, seed: int, ranker: Ranker
) -> list[TaskRows]:
    """Keeps a uniform sample of everything seen, as Algorithm R (Vitter 1985) and CTP-ER do.

    The rows of the k largest uniform random numbers are kept (as in Avalanche's ``ReservoirSamplingBuffer``).
    The numbers are fixed: a smaller reservoir therefore lies within a larger one, and the reservoirs of parts
    of a stream merge into the reservoir of the whole. The parameters are those of
    :class:`~orchestrator.replay.policies.policy.Policy`.

    Args:
        tasks: The rows kept of each past task, in order, then all rows of the newest task.
        config: The memory's configuration, with ``size`` > 0.
        seed: The memory's seed.
        ranker: Not asked.

    Returns:
        The rows kept of each of ``tasks``.
    """
    ranked = [task.ranked(seed) for task in tasks]
    drawn = np.concatenate([hashed(seed, task.rows) for task in ranked])
    if len(drawn) <= config.size:
        return ranked
    least = np.partition(drawn, -config.size)[-config.size]
    return [task.take(hashed(seed, task.rows) >= least) for task in ranked]
