"""Accuracy against memory on a stream."""

from __future__ import annotations

from ...metrics.measures import better, in_unit
from ..drawing.draw_memory import AtMemory, draw_memory, pareto
from ..figure import figure
from ..method_result import MethodResult
from ..metric_summary import metric_summary
from ..stream_result import StreamResult
from .section import Section

_KEPT = "replay/items"


def memory(stream: StreamResult) -> Section | None:
    """Each method's figure against the samples in its memory at the end; None where all methods have the same
    number of samples, or fewer than two have a figure.

    Args:
        stream: The stream.
    """
    found = [at for method in stream.methods if (at := _at(stream, method)) is not None]
    if len({at.memory for at in found}) < 2:
        return None
    best = pareto(found, less_is_better=better(stream.measure) == "min")
    drawn = draw_memory(found, best, "samples kept at the end", f"{stream.measure} against memory")
    names = ", ".join(method.label for method in best)
    said = (
        f"{stream.measure} on test data {in_unit(stream.measure)}, mean and 95 % interval, against the "
        f"samples in the memory at the end. Blue, and joined: no other method is better with as little "
        f"memory ({names})."
    )
    return Section("Memory", figure(drawn, said))


def _at(stream: StreamResult, method: MethodResult) -> AtMemory | None:
    told, kept = metric_summary(method, stream.measure), metric_summary(method, _KEPT)
    if told is None:
        return None
    if kept is not None:
        return AtMemory(method.label, kept.mean, told)
    return AtMemory(method.label, float(method.memory), told) if method.memory.isdigit() else None
