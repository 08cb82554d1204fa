"""The sentence that answers a study's question on a stream."""

from __future__ import annotations

from .best_method import best_method
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
    if stream.about_comparisons:
        return stream.about_comparisons
    return f"{first.label} shares no pair that has ended with another method yet."
