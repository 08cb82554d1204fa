"""Shares many curves among charts."""

from __future__ import annotations

from collections.abc import Sequence

from .draw_curves import MOST, Curve


def in_charts(curves: Sequence[Curve]) -> list[list[Curve]]:
    """The curves of each chart: at most :data:`~orchestrator.report.drawing.draw_curves.MOST`, the first one
    in each of them.

    Args:
        curves: At least one.
    """
    first, *others = curves
    charts = -(-len(others) // (MOST - 1)) or 1
    each = -(-len(others) // charts)  # as many in each chart as possible
    return [[first, *others[n * each : (n + 1) * each]] for n in range(charts)]
