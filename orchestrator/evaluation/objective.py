"""The objective by which runs are compared."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ..metrics.measures import better
from ..report.run_cost import run_cost

COSTS = ("replay/bytes", "parameters/trained", "seconds/train")
"""What may be an objective beside a score, as :func:`~orchestrator.report.run_cost.run_cost` has it of a run
so far."""


@dataclass(frozen=True)
class Objective:
    """The objective of a sweep, or the first of several.

    Attributes:
        metric: A metric that is reported after each task, or one of :data:`COSTS`.
        mode: Whether a higher value (``max``) or a lower one (``min``) is better.
        margin: How much of the metric, in its unit, the choice of a trial gives up for a smaller replay
            memory, where ``replay.size`` is searched.
        bound: The worst value that a trial may have in the end, in the metric's unit; None: any.
        others: The objectives after the first one, none of which has others.
    """

    metric: str
    mode: Literal["max", "min"]
    margin: float = 0.0
    bound: float | None = None
    others: tuple[Objective, ...] = ()

    @property
    def all(self) -> tuple[Objective, ...]:
        """All objectives, this one first."""
        return (self, *self.others)

    @property
    def sign(self) -> int:
        """What makes a value a loss, of which less is better: -1 for ``max``, 1 for ``min``."""
        return -1 if self.mode == "max" else 1

    @property
    def said(self) -> str:
        """It and its bound, for people, as ``min replay/bytes (at most 100000)``."""
        most = "at most" if self.mode == "min" else "at least"
        return f"{self.mode} {self.metric}" + ("" if self.bound is None else f" ({most} {self.bound:.10g})")

    def value(self, reports: Sequence[Mapping[str, Any]]) -> float | None:
        """The value after the last of a trial's finished tasks; None where it is not finite or missing.

        Args:
            reports: One for each finished task, in order.
        """
        last = reports[-1] if reports else {}
        found = run_cost(reports).get(self.metric) if self.metric in COSTS else last.get(self.metric)
        return found if found is not None and math.isfinite(found) else None

    def told(self, reports: Sequence[Mapping[str, Any]]) -> dict[str, float]:
        """Metric -> value of each of :attr:`all` that has one, after the last of these tasks."""
        found = {one.metric: one.value(reports) for one in self.all}
        return {metric: value for metric, value in found.items() if value is not None}

    def losses(self, told: Mapping[str, float]) -> tuple[float, ...] | None:
        """The loss of each of :attr:`all`, of which less is better; None where :meth:`told` lacks one."""
        if any(one.metric not in told for one in self.all):
            return None
        return tuple(one.sign * told[one.metric] for one in self.all)

    def excess(self, told: Mapping[str, float]) -> dict[str, float]:
        """Metric -> by how much a value is beyond its bound, in parts of it, 0 or less where it is not; of
        each that has a bound.
        """
        return {
            one.metric: one.sign * (told[one.metric] - one.bound) / (abs(one.bound) or 1.0)
            for one in self.all
            if one.bound is not None and one.metric in told
        }

    @classmethod
    def better(cls, metric: str) -> Literal["max", "min"]:
        """Which end of a metric is better."""
        return "min" if metric in COSTS or better(metric) == "min" else "max"
