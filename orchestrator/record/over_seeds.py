"""Averages the test metrics of several seeds of one configuration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np


def over_seeds(tested: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Averages test metrics over seeds.

    Args:
        tested: The test metrics of each seed.

    Returns:
        The mean of each metric that all seeds have, under its own name (``test/average``). With two or more
        seeds also the sample standard deviation, as ``test_deviation/average``.
    """
    names = [name for name in (tested[0] if tested else {}) if all(name in metrics for metrics in tested)]
    values = {name: np.array([metrics[name] for metrics in tested]) for name in names}
    means = {name: float(column.mean()) for name, column in values.items()}
    if len(tested) < 2:
        return means
    spread = {name: float(column.std(ddof=1)) for name, column in values.items()}
    return means | {name.replace("test/", "test_deviation/", 1): value for name, value in spread.items()}
