"""Finds the position of a number on a chart."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

_STEPS = (1, 2, 5, 10)


@dataclass(frozen=True)
class Scale:
    """A linear scale from numbers to positions on a chart.

    Attributes:
        low: The number at ``start``.
        high: The number at ``end``, above ``low``.
        start: The position of ``low``, in units. end: The position of ``high``, in units.
    """

    low: float
    high: float
    start: float
    end: float

    @classmethod
    def around(cls, values: Iterable[float], start: float, end: float) -> Scale:
        """A scale that holds all values and ends at whole steps; 0 to 1 where there are no values.

        Args:
            values: The values. Those that are not finite are left out.
            start: The position of the scale's low end, in units.
            end: The position of its high end, in units.
        """
        found = [value for value in values if math.isfinite(value)]
        low, high = (min(found), max(found)) if found else (0.0, 1.0)
        if high - low < 1e-9:  # one value, or rounding
            low, high = low - 1, high + 1
        step = _step(high - low)
        return cls(math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step, start, end)

    def __call__(self, value: float) -> float:
        """The position of a number."""
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)

    def ticks(self) -> list[float]:
        """Round numbers on the scale, four to nine of them."""
        step = _step(self.high - self.low)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [number * step for number in range(first, last + 1)]


def _step(span: float) -> float:
    """A round step that fits four to eight times into the span."""
    rough = span / 5
    power = 10.0 ** math.floor(math.log10(rough))
    return float(min((step * power for step in _STEPS), key=lambda step: abs(step - rough)))
