"""What metrics are called in MLflow."""

from __future__ import annotations

from ..metrics.measures import TOP

_SPLITS = ("test", "test_deviation", "validation")
_REST = "walk"  # MLflow sorts its charts by the names: behind "test" and "validation"

SCORE, TASKS = "score", "tasks"
"""The objective of a trial that walked the whole stream, which the others do not have; how many tasks a trial
has done.
"""


def recorded(metric: str) -> str:
    """``test/average`` and the few others that tell of a run keep their names; whatever else is measured is
    ``walk/...``, as ``walk/seconds/train``.
    """
    split, _, name = metric.partition("/")
    top = metric in (SCORE, TASKS) or (split in _SPLITS and name in TOP)
    return metric if top else f"{_REST}/{metric}"


def in_order(metrics: dict[str, float]) -> dict[str, float]:
    """Metrics by their recorded names, the few first: MLflow shows a run's in the order in which they
    came."""
    named = {recorded(name): value for name, value in metrics.items()}
    return dict(sorted(named.items(), key=lambda item: item[0].startswith(f"{_REST}/")))
