"""The result of one method with one pair of seed and order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class PairResult:
    """A method's run with one pair of seed and order.

    Attributes:
        number: The pair's number, from 1.
        seed: The run's seed.
        order: The stream's order.
        test: Metric -> value on test data, without ``test/``.
        cost: Metric -> value of the run's costs (:func:`~orchestrator.report.run_cost.run_cost`). Empty where
            they were not recorded.
        matrix: (T, T), the score on each task after each task, in percent, NaN where it was not measured;
            None where it is not recorded.
        stream: What tells the stream's content and order from others; empty: the order's number does. Orders
            of two numbers may be alike where a stream has few tasks.
        drift: (T,), the angle between pictures and the texts of their classes after each task, in degrees, on
            validation data; empty where it is not recorded.
        run: The name of the run, ``RUN/TRIAL``; empty where it is not needed.
    """

    number: int
    seed: int
    order: int | str
    test: Mapping[str, float]
    cost: Mapping[str, float] = field(default_factory=dict)
    matrix: np.ndarray | None = None
    run: str = ""
    stream: str = ""
    drift: tuple[float, ...] = ()

    @property
    def arranged(self) -> int | str:
        """What is equal where two runs walked one stream in one order."""
        return self.stream or self.order
