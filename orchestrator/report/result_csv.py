"""A study's leaderboard as CSV."""

from __future__ import annotations

import csv
import io
import math

from ..metrics.measures import unit
from .metric_summary import metric_summary
from .study_result import StudyResult
from .told_metrics import costs, every_metric

_COLUMNS = ("stream", "method", "trials", "failed_trials", "memory", "validation", "metric")
_SUMMARY = ("n", "mean", "deviation", "low", "high", "unit")


def result_csv(result: StudyResult) -> str:
    """The study's leaderboard as CSV with every digit: a line for each stream, method and metric.

    ``deviation`` is the sample standard deviation over ``n`` pairs, ``low`` and ``high`` are the ends of the
    mean's 95 % interval, and ``unit`` is that of these four. A field is empty where there is no value, such
    as the deviation of one pair. ``search/seconds`` and ``search/gpu_hours`` are those of all trials of the
    method's search together.

    Args:
        result: The study.
    """
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([*_COLUMNS, *_SUMMARY])
    for stream in result.streams:
        for method in stream.methods:
            of = [stream.title, method.label, method.trials, method.failed_trials, method.memory]
            for metric in dict.fromkeys([*every_metric(stream), *costs(stream)]):
                if (told := metric_summary(method, metric)) is not None:
                    numbers = [told.mean, told.deviation, told.low, told.high]
                    line = [*of, _number(method.score), metric, told.n, *map(_number, numbers), unit(metric)]
                    writer.writerow(line)
            for key, value in method.spent.items():
                alone = [f"search/{key}", 1, _number(value), "", "", "", unit(key)]
                writer.writerow([*of, _number(method.score), *alone])
    return file.getvalue()


def _number(value: float | None) -> str:
    return "" if value is None or not math.isfinite(value) else repr(float(value))
