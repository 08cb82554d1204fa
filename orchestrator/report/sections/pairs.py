"""Each pair's figures on a stream."""

from __future__ import annotations

import math

from ...metrics.measures import unit
from ..drawing.draw_pairs import draw_pairs
from ..figure import figure
from ..metric_summary import metric_summary
from ..stream_result import StreamResult
from .section import Section


def pairs(stream: StreamResult) -> Section | None:
    """Each method's figure with each pair; None where no pair has ended.

    Args:
        stream: The stream.
    """
    rows = [
        (
            method.label,
            {n: v for n, v in method.figures(stream.measure).items() if math.isfinite(v)},
            metric_summary(method, stream.measure),
        )
        for method in stream.methods
    ]
    if not any(figures for _, figures, _ in rows):
        return None
    of = {"%": "percent"}.get(unit(stream.measure), unit(stream.measure))
    drawn = draw_pairs(
        rows, f"{stream.measure}, test data{of and f', {of}'}", "Each pair's figures by method"
    )
    said = (
        "A dot is a method's run with a pair of seed and order. A thin line joins the runs with one pair. "
        "Where the lines run alike, the same pairs are hard for all methods. The stroke is the mean, with "
        f"its 95 % interval. {stream.runs_file} has all figures with every digit."
    )
    return Section("Each pair", figure(drawn, said))
