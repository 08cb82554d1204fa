"""Says what the runs of methods took."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean

from ..schema.shown import shown_time
from .shown_number import shown_number

_Costs = Sequence[Mapping[str, float]]


def compute_said(costs: Mapping[str, _Costs]) -> str:
    """The mean compute of a run of each method, for a sentence: GPU-hours of training and evaluation where
    all runs held GPUs, else the time that training took, each run's sum over tasks.

    Args:
        costs: A method's label -> the costs of its runs (:func:`~orchestrator.report.run_cost.run_cost`).

    Returns:
        ``12 s of training a run of er and 9 s of ctp``; empty where some run has not recorded it.
    """
    hours = {label: _mean(found, "gpu_hours") for label, found in costs.items()}
    if all(hours.values()):
        return _said({label: shown_number(value, 3) for label, value in hours.items()}, "GPU-hours a run")
    seconds = {label: _mean(found, "seconds/train") for label, found in costs.items()}
    shown = {label: shown_time(value) for label, value in seconds.items() if value is not None}
    return _said(shown, "of training a run") if len(shown) == len(costs) else ""


def _mean(costs: _Costs, name: str) -> float | None:
    """The mean over runs; None where one lacks it."""
    found = [cost[name] for cost in costs if name in cost]
    return fmean(found) if found and len(found) == len(costs) else None


def _said(shown: Mapping[str, str], unit: str) -> str:
    (first, took), *others = shown.items()
    return " and ".join([f"{took} {unit} of {first}", *(f"{its} of {label}" for label, its in others)])
