"""Finds the method with which a stream's first method is compared."""

from __future__ import annotations

from ..metrics.measures import better
from .metric_summary import metric_summary
from .stream_result import StreamResult


def best_method(stream: StreamResult) -> str | None:
    """The label of the method with the best mean among all but the first one; None where there is none.

    Args:
        stream: The stream.
    """
    sign = -1 if better(stream.measure) == "min" else 1
    means = {m.label: told.mean for m in stream.methods[1:] if (told := metric_summary(m, stream.measure))}
    return max(means, key=lambda label: sign * means[label], default=None)
