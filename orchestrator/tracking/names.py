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


STUDY, QUESTION, FIRST, METHOD = "study", "study.question", "study.first", "study.method"
"""Tags of a study's runs: its name, its question, and what its tables call its first method and the run's."""

COMMAND = "command"
"""The tag of a study's run that has the command which repeats it."""

SEARCHED, POINTS = "searched", "points"
"""Tags of a sweep: the keys that it searches, and how many points its space has, where they have an end."""

IMPORTANCE = "importance"
"""The tag of a sweep that says in JSON which of its values mattered."""

MATRIX = "test.matrix"
"""The tag of a tested trial that has its matrix (:func:`~orchestrator.tracking.matrix_tag.matrix_tag`)."""

LONGEST_TAG = 8000
"""The most letters of a tag's value in MLflow's databases."""


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
