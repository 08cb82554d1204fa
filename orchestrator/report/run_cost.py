"""Computes the costs of a run from its reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .spent_hours import SPENT, spent_hours

_LAST = ("replay/items", "replay/bytes")  # after the last task
_TRAINED = "parameters/trained"
_MOST = (_TRAINED, "memory/gpu_bytes")  # of all tasks
_FLOPS = "flops/train"
_GPUS = "gpus"

COST_METRICS = (*_LAST, *_MOST, _FLOPS, *SPENT, _GPUS)
"""The metrics of a task's report from which the costs follow."""


def run_cost(reports: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """The costs of a run, as far as its reports have them.

    Args:
        reports: One for each task, in order.

    Returns:
        ``replay/items`` and ``replay/bytes`` after the last task; ``parameters/trained`` and
        ``memory/gpu_bytes``, the most of any task; ``flops/train``, summed over the tasks in which an
        optimiser trained parameters; ``seconds/train`` and ``seconds/evaluate``, summed over tasks; and
        ``gpu_hours``, the hours of both times the GPUs that the trial held. A cost that some of these reports
        lacks is left out.
    """
    if not reports:
        return {}
    found = {name: float(reports[-1][name]) for name in _LAST if name in reports[-1]}
    found |= {name: float(max(column)) for name in _MOST if (column := _column(reports, name))}
    if counts := _flops(reports):
        found[_FLOPS] = float(sum(counts))
    found |= {name: float(sum(column)) for name in SPENT if (column := _column(reports, name))}
    if all(_column(reports, name) for name in (*SPENT, _GPUS)):
        found["gpu_hours"] = sum(spent_hours(report, of_gpus=True) for report in reports)
    return found


def search_cost(costs: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The costs of a search, as far as all of its trials recorded them.

    Args:
        costs: What :func:`run_cost` gives of each trial that finished a task.

    Returns:
        ``seconds`` of training and evaluation of all tasks that trials finished, and ``gpu_hours``.
    """
    spent = {}
    if costs and all(set(SPENT) <= cost.keys() for cost in costs):
        spent["seconds"] = sum(cost["seconds/train"] + cost["seconds/evaluate"] for cost in costs)
    if costs and all("gpu_hours" in cost for cost in costs):
        spent["gpu_hours"] = sum(cost["gpu_hours"] for cost in costs)
    return spent


def _flops(reports: Sequence[Mapping[str, Any]]) -> list[float]:
    """The FLOPs of each task that took steps. Others have none. Empty where some are not known."""
    return _column([report for report in reports if report.get(_TRAINED) != 0], _FLOPS)


def _column(reports: Sequence[Mapping[str, Any]], name: str) -> list[float]:
    """The metric of each report; empty where one lacks it."""
    return [report[name] for report in reports] if all(name in report for report in reports) else []
