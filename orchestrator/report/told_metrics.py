"""Chooses the metrics that a study's files and its page show."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

from ..metrics.measures import SHOWN
from .stream_result import StreamResult

COST = ("replay/items", "replay/bytes", "seconds/train", "seconds/evaluate")
"""The costs of a run, in the order in which they are shown."""

_LATER = ("parameters/trained", "memory/gpu_bytes", "flops/train", "gpu_hours")

_ROUNDING = 1e-9
_EACH = re.compile(r"(^|/)task_\d+(/|$)|^(kind|group|cell)/")  # one for each task, kind or group


def costs(*streams: StreamResult) -> list[str]:
    """The costs of runs: :data:`COST`, then those of :data:`_LATER` that some run has. Runs of earlier
    versions have none of these.

    Args:
        streams: The streams.
    """
    there = {name for s in streams for method in s.methods for pair in method.pairs for name in pair.cost}
    return [*COST, *(name for name in _LATER if name in there)]


def every_metric(stream: StreamResult) -> list[str]:
    """All metrics on test data over a whole stream, without those of each task, kind and group. The metric by
    which methods are compared comes first.
    """
    found = _measured(stream)
    rest = sorted(name for name in found if not _EACH.search(name) and name != stream.measure)
    return [stream.measure, *rest]


def shown_metrics(stream: StreamResult, among: Iterable[str] = SHOWN) -> list[str]:
    """The metrics that describe methods on a stream. The metric by which they are compared comes first, then
    those that were asked for.

    A metric that has the same figures as the first one under another name, as ``seen/accuracy`` in
    recognition, is left out.

    Args:
        stream: The stream.
        among: The metrics that may be shown, in their order.
    """
    found = _measured(stream)
    asked = [name for name in stream.asked if name != stream.measure]
    others = [name for name in among if name in found and name not in (stream.measure, *asked)]
    return [stream.measure, *asked, *(name for name in others if not _same(stream, name))]


def _measured(stream: StreamResult) -> set[str]:
    return {name for method in stream.methods for pair in method.pairs for name in pair.test}


def _same(stream: StreamResult, name: str) -> bool:
    for method in stream.methods:
        figures, others = method.figures(stream.measure), method.figures(name)
        if figures.keys() != others.keys():
            return False
        if any(not math.isclose(figures[n], others[n], rel_tol=_ROUNDING, abs_tol=_ROUNDING) for n in others):
            return False
    return True
