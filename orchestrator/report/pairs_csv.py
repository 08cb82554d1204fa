"""A study's figures pair by pair, as CSV."""

from __future__ import annotations

import csv
import io
import math

from .study_result import StudyResult
from .told_metrics import costs, every_metric

_FIXED = ("stream", "method", "pair", "seed", "order", "memory", "validation")


def pairs_csv(result: StudyResult) -> str:
    """The study's figures pair by pair, as CSV with every digit.

    A line is one method's run with one pair on one stream. ``memory`` is in samples, and ``validation`` is
    the objective of the trial that was chosen. Then come all metrics on test data over the whole stream,
    without ``test/``, and the run's costs, in the units of
    :func:`~orchestrator.metrics.measures.unit`. The metric by which methods are compared comes first. A
    field is empty where there is no value.

    Args:
        result: The study.
    """
    metrics = [name for stream in result.streams for name in every_metric(stream)]
    metrics = list(dict.fromkeys([*metrics, *costs(*result.streams)]))
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([*_FIXED, *metrics])
    for stream in result.streams:
        for method in stream.methods:
            for pair in method.pairs:
                of = [stream.title, method.label, pair.number, pair.seed, pair.order, method.memory]
                found = {**pair.cost, **pair.test}
                writer.writerow([*of, _number(method.score), *(_number(found.get(name)) for name in metrics)])
    return file.getvalue()


def _number(value: float | None) -> str:
    return "" if value is None or not math.isfinite(value) else repr(float(value))
