"""Draws sweeps from recorded trials."""

from __future__ import annotations

import numpy as np

from ..errors import UserError
from .recorded_sweep import RecordedSweep


def drawn_sweeps(recorded: RecordedSweep, *, trials: int, sweeps: int, seed: int) -> list[list[int]]:
    """Draws the trials of each simulated sweep.

    Args:
        recorded: The recorded trials.
        trials: How many trials a sweep has.
        sweeps: How many sweeps.
        seed: The seed by which trials are drawn. Every rule gets the same trials.

    Returns:
        The indices of each sweep's trials among the recorded ones, without repetition within a sweep.

    Raises:
        UserError: Too few trials were recorded. The message is one line.
    """
    whole = len(recorded.curves)
    if whole < trials:
        raise UserError(
            f"{recorded.name}: {whole} trials walked the whole stream, {trials} are asked for; allowed: "
            f"--trials of {whole} at most"
        )
    rng = np.random.default_rng(seed)
    return [rng.choice(whole, trials, replace=False).tolist() for _ in range(sweeps)]
