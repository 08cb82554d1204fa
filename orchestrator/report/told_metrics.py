"""Which metrics a study's files and its page show."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

from ..metrics.measures import SHOWN
from .stream_result import StreamResult

COST = ("replay/items", "replay/bytes", "seconds/train", "seconds/evaluate")
"""What a run took, in the order in which it is shown."""

_ROUNDING = 1e-9
_EACH = re.compile(r"(^|/)task_\d+(/|$)|^(kind|group|cell)/")  # one for each task, kind or group


def every_metric(stream: StreamResult) -> list[str]:
    """All metrics on test data over a whole stream, the one that methods are compared by first.

    Those of each task, kind and group are left out.
    """
    found = _measured(stream)
    rest = sorted(name for name in found if not _EACH.search(name) and name != stream.measure)
    return [stream.measure, *rest]


def shown_metrics(stream: StreamResult, among: Iterable[str] = SHOWN) -> list[str]:
    """The metrics that describe methods on a stream, the one that they are compared by first.

    One whose figures are that one's by another name, as ``seen/accuracy`` in recognition, is left out.

    Args:
        stream: The stream.
        among: The metrics that may be shown, in their order.
    """
    found = _measured(stream)
    others = [name for name in among if name in found and name != stream.measure]
    return [stream.measure, *(name for name in others if not _same(stream, name))]


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
