"""The figures of a stream's methods in extreme orders, as the rows of a table."""

from __future__ import annotations

import math

from .method_result import MethodResult
from .shown_number import shown_number
from .stream_result import StreamResult


def order_rows(stream: StreamResult) -> list[list[str]]:
    """The lowest, the mean and the highest figure of each method's pairs, and those in the worst and the best
    order, by the metric that compares methods.

    Args:
        stream: The stream.

    Returns:
        The heads, and a row for each of the five; a dash where a figure is missing.
    """
    columns = [_figures(method, stream.measure) for method in stream.methods]
    heads = [f"{stream.measure}, test data", *(method.label for method in stream.methods)]
    names = columns[0]
    return [heads, *([name, *(shown_number(one[name]) for one in columns)] for name in names)]


def _figures(method: MethodResult, measure: str) -> dict[str, float | None]:
    pairs = [value for value in method.figures(measure).values() if math.isfinite(value)]
    return {
        "lowest of the pairs": min(pairs, default=None),
        "mean of the pairs": sum(pairs) / len(pairs) if pairs else None,
        "highest of the pairs": max(pairs, default=None),
        "worst order": method.extremes.get("worst", {}).get(measure),
        "best order": method.extremes.get("best", {}).get(measure),
    }
