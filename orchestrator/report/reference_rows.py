"""The rows of a table of reference runs, and of what methods come to beside them."""

from __future__ import annotations

from ..metrics.against_references import AGAINST
from .metric_cell import metric_cell
from .metric_summary import metric_summary
from .stream_result import StreamResult

_OWN = ("average_over_time", "learning_accuracy", "forgetting")


def reference_rows(stream: StreamResult) -> list[list[str]]:
    """The heads, then a row for each kind of reference: the metric that methods are compared by, and a few
    others. No row where there are no references.

    Args:
        stream: The stream.
    """
    if not stream.references:
        return []
    every = [metric for metric in _OWN if any(metric_summary(one, metric) for one in stream.references)]
    heads = ["reference", "pairs", stream.measure, *(name.replace("_", " ") for name in every)]
    return [
        heads,
        *(
            [one.label, str(len(one.pairs)), *(metric_cell(one, name) for name in (stream.measure, *every))]
            for one in stream.references
        ),
    ]


def against_rows(stream: StreamResult) -> list[list[str]]:
    """The heads, then a row for each method: the metrics that the stream's references are for, and a dash
    where one is missing. No row where no reference has such a metric.

    Args:
        stream: The stream.
    """
    kinds = {one.label for one in stream.references}
    metrics = [metric for metric, kind in AGAINST.items() if kind in kinds]
    if not metrics:
        return []
    rows = [[method.label, *(metric_cell(method, name) for name in metrics)] for method in stream.methods]
    return [["method", *(name.replace("_", " ") for name in metrics)], *rows]


def reference_sentence(stream: StreamResult) -> str:
    """What is said of metrics that are missing, for want of a reference; empty where none is.

    Args:
        stream: The stream.
    """
    kinds = {one.label for one in stream.references}
    absent = [f"{metric} (no {kind})" for metric, kind in AGAINST.items() if kind not in kinds]
    return f"Not computed: {', '.join(absent)}." if absent and kinds else ""
