"""Names metrics in MLflow."""

from __future__ import annotations

from ..metrics.measures import TOP

_SPLITS = ("test", "test_deviation", "validation")
_REST = "walk"  # MLflow sorts its charts by name, so that this comes behind "test" and "validation"

SCORE, TASKS = "score", "tasks"
"""``score`` is the objective of a trial that walked the whole stream; other trials have none. ``tasks`` is
how many tasks a trial has done.
"""

CONFIGURATION = "configuration"
"""The tag that is equal where runs differ only in their seed and the order of their stream."""


def recorded(metric: str) -> str:
    """The name under which a metric is recorded.

    ``test/average`` and the few others that sum up a run keep their names. All other metrics become
    ``walk/...``, such as ``walk/seconds/train``.
    """
    split, _, name = metric.partition("/")
    top = metric in (SCORE, TASKS) or (split in _SPLITS and name in TOP)
    return metric if top else f"{_REST}/{metric}"


def measured(name: str) -> str:
    """The metric that is recorded under ``name``; the inverse of :func:`recorded`."""
    return name.removeprefix(f"{_REST}/")


def in_order(metrics: dict[str, float]) -> dict[str, float]:
    """Metrics under their recorded names, the few that sum up a run first. MLflow shows a run's metrics in
    the order in which they came.
    """
    named = {recorded(name): value for name, value in metrics.items()}
    return dict(sorted(named.items(), key=lambda item: item[0].startswith(f"{_REST}/")))
