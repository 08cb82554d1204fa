"""The sentence that answers a study's question on a stream."""

from __future__ import annotations

from .best_method import best_method
from .metric_summary import metric_summary
from .stream_result import StreamResult


def answer(stream: StreamResult) -> str:
    """The sentence of the main comparison: the first method against the best other one.

    Where nothing can be compared it says what is missing.

    Args:
        stream: The stream.
    """
    sentences = {found.other: found.sentence for found in stream.comparisons}
    if sentences:
        return f"{sentences.get(best_method(stream) or '', next(iter(sentences.values())))}."
    first, *others = stream.methods
    if not others:
        return f"{first.label} is compared with nothing: there is one method."
    lost = [
        method.label
        for method in stream.methods
        if method.figures(stream.measure) and metric_summary(method, stream.measure) is None
    ]
    if lost:
        of = ", ".join(lost)
        return f"{first.label} is compared with nothing: no run of {of} has a finite {stream.measure}."
    if stream.about_comparisons:
        return stream.about_comparisons
    return f"{first.label} shares no pair that has ended with another method yet."
